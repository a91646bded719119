"""What an enrolled edge may call. Who calls is taken from its certificate, never from a message."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import grpc
import grpc.aio

from guardian.common import log, rpc, tls
from guardian.common.errors import GuardianError, PeerError, StoreError
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.contracts.vault.v1 import vault_pb2
from guardian.node.gateway import telemetry
from guardian.node.gateway.commands import CommandError, Commands
from guardian.node.gateway.edges import Edge, EdgeRevoked, Edges
from guardian.node.gateway.intake import Intake
from guardian.node.gateway.links import Link, Links
from guardian.node.gateway.rosters import Rosters

_READY_SECONDS = 10.0
_CHUNK = 192 << 10
_Context = grpc.aio.ServicerContext[Any, Any]
_log = log.get(__name__)


class EdgeService(edge_pb2_grpc.EdgeServiceServicer):
    """The node's side of `guardian-uplink`."""

    def __init__(
        self, tenant: str, edges: Edges, intake: Intake, rosters: Rosters, commands: Commands, links: Links
    ) -> None:
        self._tenant = tenant
        self._edges = edges
        self._intake = intake
        self._rosters = rosters
        self._commands = commands
        self._links = links

    async def ResumeEvents(  # noqa: N802
        self, request: edge_pb2.ResumeEventsRequest, context: _Context
    ) -> edge_pb2.ResumeEventsResponse:
        edge = await self._caller(context)
        return edge_pb2.ResumeEventsResponse(acknowledged=await self._intake.acknowledged(edge))

    async def SendEvents(  # noqa: N802
        self, request_iterator: AsyncIterator[edge_pb2.SendEventsRequest], context: _Context
    ) -> AsyncIterator[edge_pb2.SendEventsResponse]:
        async with self._call(context) as edge:
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
        edge = await self._caller(context)
        try:
            status = telemetry.check(request.status)
        except PeerError as error:
            await rpc.refuse(context, grpc.StatusCode.INVALID_ARGUMENT, error)
        await self._edges.put_status(edge.id, status)
        return edge_pb2.SendTelemetryResponse()

    async def SyncRoster(  # noqa: N802
        self, request: edge_pb2.SyncRosterRequest, context: _Context
    ) -> AsyncIterator[edge_pb2.SyncRosterResponse]:
        async with self._call(context):
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
        async with self._call(context) as edge:
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
        edge = await self._caller(context)
        try:
            await self._commands.answer(edge.id, request.result)
        except CommandError as error:
            await rpc.refuse(context, grpc.StatusCode.NOT_FOUND, error)
        return edge_pb2.ReportCommandResponse()

    async def ServeObjects(  # noqa: N802
        self, request_iterator: AsyncIterator[edge_pb2.ServeObjectsRequest], context: _Context
    ) -> AsyncIterator[edge_pb2.ServeObjectsResponse]:
        async with self._call(context) as edge:
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

    @asynccontextmanager
    async def _call(self, context: _Context) -> AsyncIterator[Edge]:
        """A stream of an enrolled edge; it ends when the edge is revoked."""
        edge = await self._caller(context)
        try:
            async with self._edges.call(edge.id):
                # Tells the edge that the call stands, before there is anything to say.
                await context.send_initial_metadata(())
                yield edge
        except EdgeRevoked as error:
            await _deny(context, error)

    async def _caller(self, context: _Context) -> Edge:
        identity = tls.parse_identity(tls.peer_uri(context))
        edge = None
        if identity is not None and identity[0] == self._tenant and identity[1] == "edge":
            edge = self._edges.get(identity[2])
        if edge is None:
            await _deny(context, PeerError("This node knows no edge by this certificate.", reason="edge_unknown"))
        if edge.revoked_at is not None:
            await _deny(context, EdgeRevoked())
        return edge


async def _deny(context: _Context, error: GuardianError) -> NoReturn:
    _log.warning("edge_refused", reason=error.reason)
    await rpc.refuse(context, grpc.StatusCode.PERMISSION_DENIED, error)


def chunk(entries: Any) -> int:
    """How many roster entries fit into one message: at least one, if there is one."""
    size = 0
    for count, item in enumerate(entries):
        size += len(item.payload) + len(item.signature)
        if count and size > _CHUNK:
            return count
    return len(entries)
