"""A member who opens, and what she is told when she must not."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.vectors.household import Home, known_id

from guardian.vault import reader, roster
from guardian.vault.errors import VaultError
from guardian.vault.identity import RECEIVE_FILE, SIGN_FILE
from guardian.vault.reader import SealedObject

CLIP_ID = known_id("clip of the tests")


def write_edge_state(home: Home, folder: Path) -> None:
    """What an edge keeps of the vault: its own seeds and the roster."""
    for name, seed in zip((SIGN_FILE, RECEIVE_FILE), home.edge_keys.seeds(), strict=True):
        (folder / name).write_bytes(seed)
    (folder / "roster.json").write_bytes(roster.to_json(home.roster.entries))


@dataclass(frozen=True)
class Opener:
    """A member who opens clips of her home's edge."""

    home: Home
    epochs: dict[int, bytes]

    def open(self, data: bytes, object_id: str = CLIP_ID) -> SealedObject:
        """Open whole bytes."""
        source = reader.BytesSource(data)
        return reader.open_object(source, self.home.roster, self.epochs, edge=self.home.edge.id, object_id=object_id)

    def read(self, data: bytes, object_id: str = CLIP_ID) -> tuple[str, bytes]:
        """State and content of whole bytes."""
        opened = self.open(data, object_id)
        return opened.state, b"".join(opened.content())

    def refused(self, data: bytes, object_id: str = CLIP_ID) -> str:
        """The reason these bytes are refused."""
        return refusal(lambda: self.read(data, object_id))


def refusal(call: Callable[[], object]) -> str:
    """The reason a call is refused."""
    with pytest.raises(VaultError) as caught:
        call()
    return caught.value.reason
