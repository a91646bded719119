"""Hands updates on to edges: who is offered which, and their bytes, so slowly that events always come first."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import grpc
import grpc.aio

from guardian.common import log, rpc
from guardian.common.bundle import CHANNEL, BundleError
from guardian.common.errors import PeerError, StoreError
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.node.config import UpdatesSection
from guardian.node.gateway.callers import Callers
from guardian.node.updates import shelf
from guardian.node.updates.rollout import Bundle, Catalogue

# As the contract says. A call also ends by time, for an edge that takes nothing would keep another's place.
CALL_BYTES = 64 << 20
CALL_SECONDS = 600.0
_Context = grpc.aio.ServicerContext[Any, Any]
_log = log.get(__name__)


class UpdateService(edge_pb2_grpc.UpdateServiceServicer):
    """The node's side of `guardian-update`."""

    def __init__(self, callers: Callers, folder: Path, section: UpdatesSection) -> None:
        self._callers = callers
        self._catalogues = _Catalogues(folder)
        self._folder = folder
        self._at_once = section.at_once
        self._pace = _Pace(section.megabytes_per_second * 1e6)
        # One call an edge; the newest.
        self._reading: dict[str, asyncio.Timeout] = {}

    async def OfferUpdate(  # noqa: N802
        self, request: edge_pb2.OfferUpdateRequest, context: _Context
    ) -> edge_pb2.OfferUpdateResponse:
        edge = await self._callers.find(context)
        catalogue = await self._catalogue(context)
        running, kind = request.software_version, request.kind
        try:
            if not re.fullmatch(CHANNEL, request.channel):
                raise ValueError("channel")
            item = catalogue.offer(edge.id, running, request.channel, kind)
            kept_back = bool(catalogue.newer(running, kind))
        except (ValueError, BundleError):
            error = PeerError("This is not how an edge asks for an update.", reason="update_request")
            await rpc.refuse(context, grpc.StatusCode.INVALID_ARGUMENT, error)
        if item is None:
            return edge_pb2.OfferUpdateResponse(reason="not_yet" if kept_back else "up_to_date")
        offer = edge_pb2.UpdateOffer(version=item.version, size=item.size, sha256=bytes.fromhex(item.sha256))
        return edge_pb2.OfferUpdateResponse(offer=offer)

    # Written, not yielded: a call that is ended while its edge takes nothing is ended here, and can say why.
    async def ReadUpdate(  # type: ignore[override]  # noqa: N802
        self, request: edge_pb2.ReadUpdateRequest, context: _Context
    ) -> None:
        async with self._callers.call(context) as edge:
            item = await self._wanted(request, context)
            if len(self._reading) >= self._at_once and edge.id not in self._reading:
                error = PeerError("The node hands updates to others now; it is tried again.", reason="updates_busy")
                await rpc.refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, error)
            try:
                async with self._turn(edge.id):
                    await self._send(item, request.offset, context)
            except TimeoutError:
                slow = PeerError("The update was not taken in time; it is tried again.", reason="update_slow")
                await rpc.refuse(context, grpc.StatusCode.DEADLINE_EXCEEDED, slow)
            except StoreError as error:
                await _fail(context, error)
            if request.offset + CALL_BYTES >= item.size:
                _log.info("update_handed_on", edge=edge.id, version=item.version)

    async def _send(self, item: Bundle, offset: int, context: _Context) -> None:
        stop = min(item.size, offset + CALL_BYTES)
        while offset < stop:
            length = min(rpc.PIECE, stop - offset)
            await self._pace.wait(length)
            data = await asyncio.to_thread(_piece, self._folder, item, offset, length)
            await context.write(edge_pb2.ReadUpdateResponse(data=data))
            offset += len(data)

    async def _wanted(self, request: edge_pb2.ReadUpdateRequest, context: _Context) -> Bundle:
        there = (await self._catalogue(context)).find(request.version)
        item = next((found for found in there if found.sha256 == request.sha256.hex()), None)
        if item is None or item.paused:
            error = PeerError("The node no longer offers this update.", reason="update_gone")
            await rpc.refuse(context, grpc.StatusCode.NOT_FOUND, error)
        if request.offset > item.size:
            error = PeerError("The update is not that large.", reason="range")
            await rpc.refuse(context, grpc.StatusCode.OUT_OF_RANGE, error)
        return item

    @asynccontextmanager
    async def _turn(self, edge: str) -> AsyncIterator[None]:
        """A place among those that are served; an earlier call of this edge, of a fetcher that died, ends for it."""
        before = self._reading.get(edge)
        if before is not None and not before.expired():
            before.reschedule(asyncio.get_running_loop().time())
        async with asyncio.timeout(CALL_SECONDS) as limit:
            self._reading[edge] = limit
            try:
                yield
            finally:
                if self._reading.get(edge) is limit:
                    del self._reading[edge]

    async def _catalogue(self, context: _Context) -> Catalogue:
        try:
            return await asyncio.to_thread(self._catalogues.read)
        except StoreError as error:
            await _fail(context, error)


class _Pace:
    """So many bytes a second for all together, each in its order."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_at = 0.0
        self._turn = asyncio.Lock()

    async def wait(self, count: int) -> None:
        """Until `count` bytes may be sent. Who goes away meanwhile has taken nothing from the others."""
        async with self._turn:
            await asyncio.sleep(self._free_at - time.monotonic())
            self._free_at = max(time.monotonic(), self._free_at) + count / self._rate


class _Catalogues:
    """The operator's catalogue, read again when it was replaced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[tuple[int, int, int] | None, Catalogue] = (None, Catalogue())

    def read(self) -> Catalogue:
        """As it is now; StoreError."""
        mark = shelf.mark(self._folder)
        if mark is None or mark != self._seen[0]:
            self._seen = (mark, shelf.read(self._folder))
        return self._seen[1]


def _piece(folder: Path, item: Bundle, offset: int, length: int) -> bytes:
    # Opened for each: a file that a call holds open could be closed, when the call ends, below the thread that reads.
    with shelf.opened(folder, item) as file:
        return os.pread(file.fileno(), length, offset)


async def _fail(context: _Context, error: StoreError) -> NoReturn:
    _log.error("store_failed", reason=error.reason, sentence=str(error))
    sentence = PeerError("The node cannot hand on updates now; its log says more.", reason="updates_unavailable")
    await rpc.refuse(context, grpc.StatusCode.UNAVAILABLE, sentence)
