"""Strangers who hold connections to the relay: idle, dripping, many. Browsers still get in."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from tests.integration.node.browser import relay_at
from tests.integration.node.kit import Node

from guardian.common import http
from guardian.node.relay import limits
from guardian.node.relay.main import RelayServer

DRIP = b"POST /v1/challenges HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n"


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.3)


@asynccontextmanager
async def connections(relay: RelayServer, count: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    host, port = relay.address.split(":")
    opened = [await asyncio.open_connection(host, int(port)) for _ in range(count)]
    try:
        yield [reader for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.close()


async def gone(reader: asyncio.StreamReader) -> bool:
    """Whether the relay ends the connection by itself, and says nothing."""
    with contextlib.suppress(ConnectionResetError):
        return await asyncio.wait_for(reader.read(), 10) == b""
    return True


async def honest(relay: RelayServer) -> int:
    async with httpx.AsyncClient(base_url=f"http://{relay.address}") as browser:
        return (await browser.post("/v1/challenges", json={"ticket": "x"})).status_code


async def test_a_connection_without_a_request_is_ended(node: Node):
    async with relay_at(node) as relay, connections(relay, 3) as readers:
        assert all([await gone(reader) for reader in readers])


async def test_a_header_that_drips_in_is_not_waited_for(node: Node):
    async with relay_at(node) as relay:
        host, port = relay.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        ended = asyncio.create_task(gone(reader))
        for byte in DRIP:
            if ended.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
        assert await ended
        writer.close()


async def test_a_body_that_drips_in_is_refused(node: Node):
    async with relay_at(node) as relay:
        host, port = relay.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(DRIP + b"Content-Length: 90000\r\n\r\n{")
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
        writer.close()


async def test_one_address_cannot_take_all_connections(node: Node, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "PATIENCE_SECONDS", 60)
    async with relay_at(node) as relay, connections(relay, 600) as readers:
        assert all([await gone(reader) for reader in readers[128:]])
        # 127.0.0.1 is full; the house next door is not.
        transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
        async with httpx.AsyncClient(base_url=f"http://{relay.address}", transport=transport) as browser:
            assert (await browser.post("/v1/challenges", json={"ticket": "x"})).status_code == 401
    async with relay_at(node) as relay:
        assert await honest(relay) == 401
