"""A control plane that offers generic images, and a house's node that makes the tokens for their seeds."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.imaging.gpt import Table, make
from tests.integration.control.world import Household

from guardian.common.clock import now
from guardian.common.tokens import Token
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.control.config import ImagesSection, Settings
from guardian.control.orders.service import token_info
from guardian.vault import hpke

SMALL = 3 << 20


def lay(folder: Path, name: str, length: int, **changes: Any) -> Table:
    """A generic image with its note; `changes` are lies of the note's."""
    table = make(folder / name, length, filling=name.encode() * 9000)
    with (folder / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    note = {"version": "1", "sha256": digest, "size": length, **changes}
    (folder / f"{name}.json").write_text(json.dumps(note))
    return table


def offering(settings: Settings, folder: Path, key: Ed25519PrivateKey) -> Settings:
    """The same with a folder of images, in it `small.iso`, and the key that signs seeds."""
    folder.mkdir()
    keys = settings.state_dir / "images"
    keys.mkdir(parents=True)
    (keys / "images.key").write_bytes(key.private_bytes_raw())
    lay(folder, "small.iso", SMALL)
    return settings.model_copy(update={"images": ImagesSection(folder=folder)})


@asynccontextmanager
async def node_answers(home: Household, life: timedelta = timedelta(hours=1)) -> AsyncIterator[list[str]]:
    """The house's node makes tokens meanwhile; those it has made."""
    tokens: list[str] = []

    async def work() -> None:
        async for answer in home.stub.ReceiveOrders(pb.ReceiveOrdersRequest()):
            order = answer.order
            tokens.append(str(Token.create("node.test:7444", "0" * 64)))
            sealed = hpke.seal(order.create_edge_token.reply_public, tokens[-1].encode(), token_info(order.id))
            result = pb.OrderResult(order_id=order.id, sealed_token=sealed.enc + sealed.ct)
            result.token_expires_at.FromDatetime(now() + life)
            await home.stub.ReportOrder(pb.ReportOrderRequest(result=result))

    task = asyncio.create_task(work())
    try:
        yield tokens
    finally:
        task.cancel()
        await asyncio.wait([task])


@contextmanager
def counted() -> Iterator[list[int]]:
    """Sizes of all that is read of generic images while they are sent."""
    reads: list[int] = []

    def pread(descriptor: int, count: int, position: int) -> bytes:
        data = os.pread(descriptor, count, position)
        reads.append(len(data))
        return data

    with patch("guardian.control.images.splicing.pread", pread):
        yield reads
