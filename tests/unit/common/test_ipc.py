"""Framed messages between daemons, hostile ones included."""

import asyncio
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian.common import ipc
from guardian.common.errors import PeerError


def stream(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=1 << 20)
    reader.feed_data(data)
    reader.feed_eof()
    return reader


def frame(header: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(header)) + header + struct.pack(">I", len(payload)) + payload


async def refusal(data: bytes) -> str:
    with pytest.raises(PeerError) as caught:
        await ipc.read(stream(data))
    return caught.value.reason


async def test_what_is_packed_is_read_back() -> None:
    data = b"".join(ipc.pack({"type": "frame", "seq": 7}, b"\0" * 1000)) + b"".join(ipc.pack({"type": "idle"}))
    reader = stream(data)
    assert await ipc.read(reader) == ({"type": "frame", "seq": 7}, b"\0" * 1000)
    assert await ipc.read(reader) == ({"type": "idle"}, b"")
    assert await ipc.read(reader) is None


def test_no_buffer_of_a_message_is_empty() -> None:
    """One at the end of `writelines` is sent over and over by asyncio since Python 3.12."""
    assert all(len(part) for part in ipc.pack({"type": "credit"}))


async def test_a_message_cut_anywhere_is_told_from_a_clean_end() -> None:
    whole = b"".join(ipc.pack({"type": "frame"}, b"abc"))
    for length in range(1, len(whole)):
        assert await refusal(whole[:length]) == "ipc_cut"


async def test_lengths_beyond_the_limits_are_refused_before_anything_is_read() -> None:
    assert await refusal(struct.pack(">I", ipc.MAX_HEADER + 1)) == "ipc_too_large"
    assert await refusal(struct.pack(">I", 0xFFFFFFFF)) == "ipc_too_large"
    header = b'{"type":"x"}'
    huge = struct.pack(">I", len(header)) + header + struct.pack(">I", ipc.MAX_PAYLOAD + 1)
    assert await refusal(huge) == "ipc_too_large"


@pytest.mark.parametrize("header", [b"", b"{", b"\xff\xfe", b"[" * 30000, b"nul", b'{"type": 1e999'])
async def test_a_header_that_is_no_json_is_refused(header: bytes) -> None:
    assert await refusal(frame(header)) == "ipc_malformed"


@pytest.mark.parametrize("header", [[], "frame", 5, None, {}, {"type": 3}, {"type": None}, {"kind": "frame"}])
async def test_a_header_without_a_type_is_refused(header: object) -> None:
    assert await refusal(frame(json.dumps(header).encode())) == "ipc_malformed"


def test_a_message_that_no_reader_would_take_is_not_packed() -> None:
    with pytest.raises(ValueError, match="larger"):
        ipc.pack({"type": "x" * ipc.MAX_HEADER})
    with pytest.raises(ValueError, match="larger"):
        ipc.pack({"type": "x"}, memoryview(bytes(ipc.MAX_PAYLOAD + 1)))


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_message_a_clean_end_or_a_refusal(data: bytes) -> None:
    async def attempt() -> None:
        try:
            message = await ipc.read(stream(data))
        except PeerError as error:
            assert error.reason.startswith("ipc_")
        else:
            assert message is None or isinstance(message[0]["type"], str)

    asyncio.run(attempt())
