"""Strangers on the enrolment port who open calls and never make them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from tests.integration.node.kit import Node, enrolled_edge, open_node

from guardian.common import rpc
from guardian.common.tokens import Token


@asynccontextmanager
async def silent_calls(node: Node, count: int) -> AsyncIterator[list[grpc.aio.StreamUnaryCall[bytes, bytes]]]:
    """Calls whose message never comes."""
    never = asyncio.Event()

    async def messages() -> AsyncIterator[bytes]:
        await never.wait()
        yield b""

    channel = await rpc.pinned_channel(Token.parse(await node.token()))
    method: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(
        "/guardian.edge.v1.EnrolmentService/Enrol"
    )
    calls = [method(messages()) for _ in range(count)]
    try:
        yield calls
    finally:
        for call in calls:
            call.cancel()
        await channel.close()


async def test_a_stranger_who_opens_calls_and_makes_none_locks_no_edge_out(node: Node, folder: Path):
    async with silent_calls(node, 60):
        await asyncio.sleep(0.5)
        assert (await enrolled_edge(node, folder / "edge")).edge


async def test_a_call_that_is_never_made_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch):
    short = [(name, 500 if name.endswith(("_idle_ms", "_age_ms")) else value) for name, value in rpc.STRANGER_OPTIONS]
    monkeypatch.setattr(rpc, "STRANGER_OPTIONS", short)
    node = await open_node(folder / "node")
    try:
        async with silent_calls(node, 1) as (call,):
            assert await asyncio.wait_for(call.code(), 15) == grpc.StatusCode.UNAVAILABLE
    finally:
        await node.close()
