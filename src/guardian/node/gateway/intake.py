"""Events from an edge's outbox into the store: checked, committed in groups, acknowledged after the fsync."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator

import grpc
import grpc.aio

from guardian.common import log
from guardian.common.errors import PeerError
from guardian.contracts.edge.v1 import edge_pb2
from guardian.node.gateway.edges import Edge
from guardian.node.gateway.rosters import Rosters
from guardian.node.gateway.store import NewEvent, Store
from guardian.node.gateway.validation import EventRefused, check

GROUP = 256
_SLICE = 32
_THREADS = min(4, os.cpu_count() or 1)
_Requests = AsyncIterator[edge_pb2.SendEventsRequest]
_Queue = asyncio.Queue[edge_pb2.SendEventsRequest]
_log = log.get(__name__)


class Intake:
    """Counts what it took and refused since start."""

    def __init__(self, store: Store, rosters: Rosters) -> None:
        self._store = store
        self._rosters = rosters
        self.taken = 0
        self.refused = 0

    async def acknowledged(self, edge: Edge) -> int | None:
        """Up to which position of its outbox the edge's events are durable here; None before it was ever counted."""
        return await self._store.acknowledged(edge.id)

    async def take(self, edge: Edge, requests: _Requests) -> AsyncGenerator[edge_pb2.SendEventsResponse, None]:
        """Answers, one a committed group. PeerError when positions do not rise; StoreError when nothing can be kept."""
        arrived: _Queue = asyncio.Queue(GROUP)
        receiving = asyncio.create_task(_receive(requests, arrived))
        last = 0
        try:
            while group := await _group(arrived, receiving):
                last = _rising(group, last)
                household = self._rosters.current.household if self._rosters.current else ""
                good, refused = await _check_all(group, edge, household)
                await self._store.put_events(edge.id, good, last)
                self.taken += len(good)
                self.refused += len(refused)
                for item in refused:
                    _log.warning("event_refused", edge=edge.id, position=item.position, reason=item.reason)
                yield edge_pb2.SendEventsResponse(acknowledged=last, refused=refused)
        finally:
            receiving.cancel()
            with contextlib.suppress(asyncio.CancelledError, grpc.RpcError, grpc.aio.BaseError):
                await receiving


async def _receive(requests: _Requests, arrived: _Queue) -> None:
    async for request in requests:
        await arrived.put(request)


async def _group(arrived: _Queue, receiving: "asyncio.Task[None]") -> list[edge_pb2.SendEventsRequest]:
    """What has arrived, at least one and at most GROUP; empty when the edge has ended its stream."""
    if arrived.empty():
        waiting = asyncio.create_task(arrived.get())
        await asyncio.wait({waiting, receiving}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            return []
        group = [waiting.result()]
    else:
        group = []
    while len(group) < GROUP and not arrived.empty():
        group.append(arrived.get_nowait())
    return group


def _rising(group: list[edge_pb2.SendEventsRequest], last: int) -> int:
    for request in group:
        if request.position <= last:
            raise PeerError("The outbox's positions must rise.", reason="position_order")
        last = request.position
    return last


async def _check_all(
    group: list[edge_pb2.SendEventsRequest], edge: Edge, household: str
) -> tuple[list[NewEvent], list[edge_pb2.RefusedEvent]]:
    """In order. Most of the work is signatures, which are verified outside Python's lock: more threads are faster."""
    size = max(_SLICE, -(-len(group) // _THREADS))
    slices = [group[start : start + size] for start in range(0, len(group), size)]
    checked = await asyncio.gather(*(asyncio.to_thread(_check_slice, part, edge, household) for part in slices))
    return [item for good, _ in checked for item in good], [item for _, refused in checked for item in refused]


def _check_slice(
    group: list[edge_pb2.SendEventsRequest], edge: Edge, household: str
) -> tuple[list[NewEvent], list[edge_pb2.RefusedEvent]]:
    good, refused = [], []
    for request in group:
        try:
            good.append(check(request.event, edge.id, edge.sign_public, household))
        except EventRefused as error:
            refused.append(edge_pb2.RefusedEvent(position=request.position, reason=error.reason, sentence=str(error)))
    return good, refused
