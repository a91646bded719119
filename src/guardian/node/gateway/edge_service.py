"""What an enrolled edge may call for its daily work: events, telemetry, roster, commands, recordings."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from guardian.common import log, rpc
from guardian.common.errors import PeerError, StoreError
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.contracts.vault.v1 import vault_pb2
from guardian.node.gateway import telemetry
from guardian.node.gateway.callers import Callers
from guardian.node.gateway.commands import CommandError, Commands
from guardian.node.gateway.edges import Edge, Edges
from guardian.node.gateway.intake import Intake
from guardian.node.gateway.links import Link, Links
from guardian.node.gateway.rosters import Rosters

_CHUNK = 192 << 10
_Context = grpc.aio.ServicerContext[Any, Any]
_log = log.get(__name__)


class EdgeService(edge_pb2_grpc.EdgeServiceServicer):
    """The node's side of `guardian-uplink`."""

    def __init__(
        self, callers: Callers, edges: Edges, intake: Intake, rosters: Rosters, commands: Commands, links: Links
    ) -> None:
        self._callers = callers
        self._edges = edges
        self._intake = intake
        self._rosters = rosters
        self._commands = commands
        self._links = links

    async def ResumeEvents(  # noqa: N802
        self, request: edge_pb2.ResumeEventsRequest, context: _Context
    ) -> edge_pb2.ResumeEventsResponse:
        edge = await self._callers.find(context)
        return edge_pb2.ResumeEventsResponse(acknowledged=await self._intake.acknowledged(edge))

    async def SendEvents(  # noqa: N802
        self, request_iterator: AsyncIterator[edge_pb2.SendEventsRequest], context: _Context
    ) -> AsyncIterator[edge_pb2.SendEventsResponse]:
        async with self._callers.call(context) as edge:
            try:
                async with contextlib.aclosing(self._intake.take(edge, request_iterator)) as answers:
                    async for answer in answers:
                        yield answer
            except PeerError as error:
                await rpc.refuse(context, grpc.StatusCode.INVALID_ARGUMENT, error)
            except StoreError as error:
                _log.error("store_failed", reason=error.reason, sentence=str(error))
                await rpc.refuse(context, grpc.StatusCode.UNAVAILABLE, error)

    async def SendTelemetry(  # noqa: N802
        self, request: edge_pb2.SendTelemetryRequest, context: _Context
    ) -> edge_pb2.SendTelemetryResponse:
        edge = await self._callers.find(context)
        try:
            status = telemetry.check(request.status)
        except PeerError as error:
            await rpc.refuse(context, grpc.StatusCode.INVALID_ARGUMENT, error)
        await self._edges.put_status(edge.id, status)
        return edge_pb2.SendTelemetryResponse()

    async def SyncRoster(  # noqa: N802
        self, request: edge_pb2.SyncRosterRequest, context: _Context
    ) -> AsyncIterator[edge_pb2.SyncRosterResponse]:
        async with self._callers.call(context):
            sent = min(request.have_entries, len(self._rosters.entries))
            # The first answer may be empty: it says how long the node's chain is at most.
            opening = True
            while True:
                seen = self._rosters.bell.count
                entries = self._rosters.entries
                while opening or sent < len(entries):
                    count = chunk(entries[sent:])
                    yield edge_pb2.SyncRosterResponse(
                        first=sent,
                        entries=[
                            vault_pb2.RosterEntry(payload=item.payload, signature=item.signature)
                            for item in entries[sent : sent + count]
                        ],
                    )
                    sent += count
                    opening = False
                await self._rosters.bell.wait(seen)

    async def ReceiveCommands(  # noqa: N802
        self, request: edge_pb2.ReceiveCommandsRequest, context: _Context
    ) -> AsyncIterator[edge_pb2.ReceiveCommandsResponse]:
        async with self._callers.call(context) as edge:
            sent: set[str] = set()
            while True:
                seen = self._commands.new.count
                waiting = await self._commands.open_for(edge.id)
                for command in waiting:
                    if command.id not in sent:
                        yield edge_pb2.ReceiveCommandsResponse(command=command)
                sent = {command.id for command in waiting}
                await self._commands.new.wait(seen)

    async def ReportCommand(  # noqa: N802
        self, request: edge_pb2.ReportCommandRequest, context: _Context
    ) -> edge_pb2.ReportCommandResponse:
        edge = await self._callers.find(context)
        try:
            await self._commands.answer(edge.id, request.result)
        except CommandError as error:
            await rpc.refuse(context, grpc.StatusCode.NOT_FOUND, error)
        return edge_pb2.ReportCommandResponse()

    async def ServeObjects(  # noqa: N802
        self, request_iterator: AsyncIterator[edge_pb2.ServeObjectsRequest], context: _Context
    ) -> AsyncIterator[edge_pb2.ServeObjectsResponse]:
        async with self._callers.call(context) as edge:
            link = Link()
            receiving = asyncio.create_task(self._receive(edge, link, request_iterator))
            closing = asyncio.create_task(link.closed.wait())
            asking: asyncio.Task[edge_pb2.ServeObjectsResponse] | None = None
            try:
                while not closing.done():
                    asking = asyncio.create_task(link.outgoing.get())
                    await asyncio.wait({asking, receiving, closing}, return_when=asyncio.FIRST_COMPLETED)
                    if not asking.done():
                        break
                    yield asking.result()
            finally:
                self._links.leave(edge.id, link)
                for task in (receiving, closing, asking):
                    if task is not None:
                        task.cancel()
                with contextlib.suppress(asyncio.CancelledError, grpc.RpcError, grpc.aio.BaseError):
                    await receiving

    async def _receive(self, edge: Edge, link: Link, pieces: AsyncIterator[edge_pb2.ServeObjectsRequest]) -> None:
        ready = False
        async for piece in pieces:
            if not ready:
                ready = True
                self._links.join(edge.id, link)
                continue
            link.deliver(piece)


def chunk(entries: Any) -> int:
    """How many roster entries fit into one message: at least one, if there is one."""
    size = 0
    for count, item in enumerate(entries):
        size += len(item.payload) + len(item.signature)
        if count and size > _CHUNK:
            return count
    return len(entries)
