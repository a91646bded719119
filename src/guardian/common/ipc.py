"""Framed messages between an edge's daemons over Unix sockets: a small JSON header and raw bytes."""

import asyncio
import json
import struct
from typing import Any

from guardian.common.errors import PeerError

MAX_HEADER = 64 << 10
MAX_PAYLOAD = 32 << 20
_LENGTH = struct.Struct(">I")


def pack(header: dict[str, Any], payload: bytes | memoryview = b"") -> list[bytes | memoryview]:
    """The buffers of one message, to be written in order. None is empty: over one, asyncio since Python 3.12 spins."""
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) > MAX_HEADER or len(payload) > MAX_PAYLOAD:
        raise ValueError("message larger than the protocol allows")
    return [_LENGTH.pack(len(text)), text, _LENGTH.pack(len(payload)), *([payload] if len(payload) else [])]


async def read(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes] | None:
    """The next message, or None when the peer has closed between two; PeerError on anything malformed."""
    try:
        start = await reader.readexactly(4)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise PeerError("The other daemon closed in the middle of a message.", reason="ipc_cut") from error
        return None
    try:
        text = await reader.readexactly(_limited(start, MAX_HEADER))
        payload = await reader.readexactly(_limited(await reader.readexactly(4), MAX_PAYLOAD))
        header = json.loads(text)
    except asyncio.IncompleteReadError as error:
        raise PeerError("The other daemon closed in the middle of a message.", reason="ipc_cut") from error
    except (ValueError, RecursionError) as error:
        raise PeerError("The other daemon sent a header that is not JSON.", reason="ipc_malformed") from error
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise PeerError("The other daemon sent a message without a type.", reason="ipc_malformed")
    return header, payload


def _limited(raw: bytes, limit: int) -> int:
    length: int = _LENGTH.unpack(raw)[0]
    if length > limit:
        raise PeerError("The other daemon announced a message that is too large.", reason="ipc_too_large")
    return length
