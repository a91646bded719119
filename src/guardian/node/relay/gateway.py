"""What the relay asks its gateway: sealed bytes, signed events, and the newest roster, which it checks itself."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import grpc.aio

from guardian.common import rpc
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.node.relay.problems import Problem
from guardian.vault.errors import VaultError
from guardian.vault.roster import Roster, RosterEntry

_SECONDS = 10.0
_STATUS = {
    "object_unknown": 404,
    "object_gone": 404,
    "event_unknown": 404,
    "range": 416,
    "edge_offline": 503,
    "edge_lost": 502,
    "edge_slow": 504,
}


@dataclass
class Reading:
    """An object's bytes on their way: its size, the first piece, then the rest."""

    total: int
    first: bytes
    rest: AsyncGenerator[bytes, None]


class GatewayClient:
    """One channel over the Unix socket."""

    def __init__(self, channel: grpc.aio.Channel, on_roster: Callable[[Roster], None]) -> None:
        self._stub = node_pb2_grpc.GatewayServiceStub(channel)
        self._on_roster = on_roster
        self._lock = asyncio.Lock()
        self.current: Roster | None = None

    async def roster(self) -> Roster:
        """The newest roster, asked for now; Problem 503 when there is none."""
        async with self._lock:
            while True:
                have = len(self.current) if self.current else 0
                entries = await self._entries(have)
                if not entries:
                    break
                try:
                    self.current = self.current.extend(entries) if self.current else Roster.verify(entries)
                except VaultError as error:
                    raise Problem(503, f"The node's roster is broken. {error}", reason="roster_broken") from error
            if self.current is None:
                raise Problem(503, "This node's household has no vault yet.", reason="no_vault")
            self._on_roster(self.current)
            return self.current

    async def event(self, event_id: str) -> edge_pb2.SignedEvent:
        """The edge's own signed event."""
        try:
            answer = await self._stub.GetEvent(node_pb2.GetEventRequest(event_id=event_id), timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise _problem(error) from error
        return answer.event

    async def read(self, object_id: str, offset: int, length: int) -> Reading:
        """Begin to read; returns when the first bytes are there. Problem 416 carries the object's size."""
        request = node_pb2.ReadObjectRequest(object_id=object_id, offset=offset, length=length)
        call = self._stub.ReadObject(request)
        pieces = _pieces(call)
        try:
            first = await anext(pieces)
        except grpc.aio.AioRpcError as error:
            raise _problem(error) from error
        except StopAsyncIteration:
            raise Problem(502, "The edge sent nothing.", reason="edge_misbehaves") from None
        return Reading(first.total_size, first.data, _data(pieces))

    async def total(self, object_id: str) -> int:
        """An object's size now."""
        reading = await self.read(object_id, 0, 1)
        await reading.rest.aclose()
        return reading.total

    async def _entries(self, have: int) -> list[RosterEntry]:
        try:
            answer = await self._stub.GetRoster(node_pb2.GetRosterRequest(have_entries=have), timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise _problem(error) from error
        return [RosterEntry(item.payload, item.signature) for item in answer.entries]


async def _pieces(
    call: "grpc.aio.UnaryStreamCall[node_pb2.ReadObjectRequest, node_pb2.ReadObjectResponse]",
) -> AsyncGenerator[node_pb2.ReadObjectResponse, None]:
    try:
        async for piece in call:
            yield piece
    finally:
        # Whoever asked has gone: the edge need read no further.
        call.cancel()


async def _data(pieces: AsyncGenerator[node_pb2.ReadObjectResponse, None]) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in pieces:
            yield piece.data
    finally:
        await pieces.aclose()


def _problem(error: grpc.aio.AioRpcError) -> Problem:
    reason = rpc.reason_of(error)
    if not reason:
        return Problem(503, "The node's gateway does not answer.", reason="gateway_away", hint="Try again in a moment.")
    headers = {}
    if reason == "range":
        headers["Content-Range"] = f"bytes */{rpc.trailing(error, 'guardian-total-size')}"
    return Problem(_STATUS.get(reason, 502), error.details() or "The node failed.", reason=reason, headers=headers)
