"""What relay, agent, hub and operator ask of the gateway, each over its own Unix socket."""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from guardian.common import ids, log, rpc
from guardian.common.clock import now
from guardian.common.errors import GuardianError, PeerError, StoreError
from guardian.common.tokens import Token
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.contracts.vault.v1 import vault_pb2
from guardian.node.gateway.commands import CommandError, Commands
from guardian.node.gateway.edge_service import chunk
from guardian.node.gateway.edges import Edge, Edges, EdgeUnknown
from guardian.node.gateway.links import Links, ReadError
from guardian.node.gateway.rosters import Rosters
from guardian.node.gateway.store import Store
from guardian.node.gateway.tunnels import KEY_SIZE, Tunnel, Tunnels
from guardian.vault.errors import VaultError
from guardian.vault.roster import RosterEntry

MAX_COMMAND = 64 << 10
MAX_TOKEN_SECONDS = 7 * 24 * 3600
_BATCH = 256
# Of a message of 1 MiB: a peer takes about 90 bytes.
_PEERS = 4096
_log = log.get(__name__)
_Context = grpc.aio.ServicerContext[Any, Any]
_READ_CODES = {
    "edge_offline": grpc.StatusCode.UNAVAILABLE,
    "edge_lost": grpc.StatusCode.UNAVAILABLE,
    "edge_slow": grpc.StatusCode.DEADLINE_EXCEEDED,
    "object_gone": grpc.StatusCode.NOT_FOUND,
    "object_unknown": grpc.StatusCode.NOT_FOUND,
    "range": grpc.StatusCode.OUT_OF_RANGE,
}


class GatewayService(node_pb2_grpc.GatewayServiceServicer):
    """Reached on this machine only, and by each caller for its own calls alone (`doors`)."""

    def __init__(
        self,
        store: Store,
        edges: Edges,
        rosters: Rosters,
        commands: Commands,
        links: Links,
        tunnels: Tunnels,
        pin: str,
        enrol_address: str,
    ) -> None:
        self._store = store
        self._edges = edges
        self._rosters = rosters
        self._commands = commands
        self._links = links
        self._tunnels = tunnels
        self._pin = pin
        self._enrol_address = enrol_address

    async def ReadObject(  # noqa: N802
        self, request: node_pb2.ReadObjectRequest, context: _Context
    ) -> AsyncIterator[node_pb2.ReadObjectResponse]:
        try:
            holder = await self._store.object_holder(request.object_id)
            if holder is None:
                raise ReadError("No event of this node names such a recording.", reason="object_unknown")
            pieces = self._links.link(holder).read(request.object_id, request.offset, request.length)
            async with contextlib.aclosing(pieces):
                async for piece in pieces:
                    yield node_pb2.ReadObjectResponse(total_size=piece.total_size, data=piece.data)
        except ReadError as error:
            code = _READ_CODES.get(error.reason, grpc.StatusCode.INTERNAL)
            await rpc.refuse(context, code, error, guardian_total_size=str(error.total_size))

    async def GetEvent(  # noqa: N802
        self, request: node_pb2.GetEventRequest, context: _Context
    ) -> node_pb2.GetEventResponse:
        found = await self._store.event(request.event_id)
        if found is None:
            error = PeerError("This node has no such event.", reason="event_unknown")
            await rpc.refuse(context, grpc.StatusCode.NOT_FOUND, error)
        signed = edge_pb2.SignedEvent(event=found.event, signature=found.signature)
        return node_pb2.GetEventResponse(event=signed)

    async def WatchEvents(  # noqa: N802
        self, request: node_pb2.WatchEventsRequest, context: _Context
    ) -> AsyncIterator[node_pb2.WatchEventsResponse]:
        position = request.after
        if position > await self._store.newest_position():
            ahead = PeerError("This store has no event at that position: it was restored.", reason="position_ahead")
            await rpc.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, ahead)
        while True:
            seen = self._store.events_bell.count
            while batch := await self._store.events_after(position, _BATCH):
                for item in batch:
                    signed = edge_pb2.SignedEvent(event=item.event, signature=item.signature)
                    yield node_pb2.WatchEventsResponse(position=item.position, edge_id=item.edge_id, event=signed)
                position = batch[-1].position
            await self._store.events_bell.wait(seen)

    async def GetRoster(  # noqa: N802
        self, request: node_pb2.GetRosterRequest, context: _Context
    ) -> node_pb2.GetRosterResponse:
        # As much as one message holds: who needs more asks again with what it then has.
        entries = self._rosters.entries[request.have_entries :]
        return node_pb2.GetRosterResponse(
            first=request.have_entries,
            entries=[
                vault_pb2.RosterEntry(payload=item.payload, signature=item.signature)
                for item in entries[: chunk(entries)]
            ],
        )

    async def AppendRoster(  # noqa: N802
        self, request: node_pb2.AppendRosterRequest, context: _Context
    ) -> node_pb2.AppendRosterResponse:
        entries = [RosterEntry(item.payload, item.signature) for item in request.entries]
        try:
            have = await self._rosters.append(request.first, entries)
        except VaultError as error:
            await rpc.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, error)
        except StoreError as error:
            await rpc.refuse(context, grpc.StatusCode.UNAVAILABLE, error)
        finally:
            # The chain, once it is written, says it too: whoever asks need not know.
            with contextlib.suppress(StoreError):
                await self._edges.write_revocations()
        return node_pb2.AppendRosterResponse(have_entries=have)

    async def PutCommand(  # noqa: N802
        self, request: node_pb2.PutCommandRequest, context: _Context
    ) -> node_pb2.PutCommandResponse:
        command = request.command
        try:
            ids.parse_uuid7(command.id)
            if len(command.payload) > MAX_COMMAND or len(command.signature) != 64:
                raise ValueError("size")
        except ValueError:
            error: GuardianError = PeerError("The command is not of the allowed form.", reason="command_malformed")
            await rpc.refuse(context, grpc.StatusCode.INVALID_ARGUMENT, error)
        edge = self._edges.get(command.edge_id)
        if edge is None or edge.revoked_at is not None:
            error = PeerError("This node has no such edge.", reason="edge_unknown")
            await rpc.refuse(context, grpc.StatusCode.NOT_FOUND, error)
        try:
            await self._commands.put(command)
        except CommandError as conflict:
            await rpc.refuse(context, grpc.StatusCode.ALREADY_EXISTS, conflict)
        return node_pb2.PutCommandResponse()

    async def WatchCommandResults(  # noqa: N802
        self, request: node_pb2.WatchCommandResultsRequest, context: _Context
    ) -> AsyncIterator[node_pb2.WatchCommandResultsResponse]:
        sent: set[str] = set()
        while True:
            seen = self._commands.answered.count
            waiting = await self._commands.unconfirmed()
            for result in waiting:
                if result.command_id not in sent:
                    yield node_pb2.WatchCommandResultsResponse(result=result)
            sent = {result.command_id for result in waiting}
            await self._commands.answered.wait(seen)

    async def AckCommandResult(  # noqa: N802
        self, request: node_pb2.AckCommandResultRequest, context: _Context
    ) -> node_pb2.AckCommandResultResponse:
        await self._commands.confirm(request.command_id)
        return node_pb2.AckCommandResultResponse()

    async def ListEdges(  # noqa: N802
        self, request: node_pb2.ListEdgesRequest, context: _Context
    ) -> node_pb2.ListEdgesResponse:
        present = [edge for edge in self._edges.all() if edge.revoked_at is None]
        return node_pb2.ListEdgesResponse(edges=[self._info(edge) for edge in present])

    async def CreateEdgeToken(  # noqa: N802
        self, request: node_pb2.CreateEdgeTokenRequest, context: _Context
    ) -> node_pb2.CreateEdgeTokenResponse:
        name = request.edge_name
        if not 1 <= len(name) <= 64 or not name.isprintable() or not 0 < request.valid_seconds <= MAX_TOKEN_SECONDS:
            error = PeerError(
                "A token needs a name of 1 to 64 characters and is valid for at most seven days.",
                reason="token_request",
            )
            await rpc.refuse(context, grpc.StatusCode.INVALID_ARGUMENT, error)
        token = Token.create(self._enrol_address, self._pin)
        expires_at = now() + dt.timedelta(seconds=request.valid_seconds)
        await self._edges.create_token(token.secret, name, expires_at)
        return node_pb2.CreateEdgeTokenResponse(token=str(token), expires_at=_stamp(expires_at))

    async def RevokeEdge(  # noqa: N802
        self, request: node_pb2.RevokeEdgeRequest, context: _Context
    ) -> node_pb2.RevokeEdgeResponse:
        try:
            edge = self._edges.find(request.edge)
        except EdgeUnknown as error:
            await rpc.refuse(context, grpc.StatusCode.NOT_FOUND, error)
        _log.info("edge_revoked", edge=edge.id)
        try:
            await self._edges.revoke(edge.id)
        except StoreError as error:
            await rpc.refuse(context, grpc.StatusCode.UNAVAILABLE, error)
        return node_pb2.RevokeEdgeResponse(edge_id=edge.id, edge_name=edge.name)

    async def WatchTunnelPeers(  # noqa: N802
        self, request: node_pb2.WatchTunnelPeersRequest, context: _Context
    ) -> AsyncIterator[node_pb2.WatchTunnelPeersResponse]:
        if not self._tunnels.enabled or len(request.hub_public) != KEY_SIZE:
            error = PeerError("The node's configuration has no hub, or this is none.", reason="hub_unknown")
            await rpc.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, error)
        await self._tunnels.know_hub(request.hub_public)
        told: list[Tunnel] | None = None
        while True:
            seen = self._edges.bell.count
            peers = self._tunnels.peers()
            if peers != told:
                for start in range(0, max(1, len(peers)), _PEERS):
                    piece = peers[start : start + _PEERS]
                    yield node_pb2.WatchTunnelPeersResponse(
                        peers=[
                            node_pb2.TunnelPeer(edge_id=item.edge_id, public=item.public, address=item.address)
                            for item in piece
                        ],
                        last=start + _PEERS >= len(peers),
                    )
                told = peers
            await self._edges.bell.wait(seen)

    async def ReportTunnel(  # noqa: N802
        self, request: node_pb2.ReportTunnelRequest, context: _Context
    ) -> node_pb2.ReportTunnelResponse:
        self._tunnels.report(list(request.peers))
        return node_pb2.ReportTunnelResponse()

    def _info(self, edge: Edge) -> node_pb2.EdgeInfo:
        info = node_pb2.EdgeInfo(
            id=edge.id,
            name=edge.name,
            sign_public=edge.sign_public,
            receive_public=edge.receive_public,
            enrolled_at=_stamp(edge.enrolled_at),
            online=self._edges.is_online(edge.id),
        )
        seen = self._edges.last_seen(edge.id)
        if seen is not None:
            info.last_seen.CopyFrom(_stamp(seen))
        if edge.status is not None:
            info.status.ParseFromString(edge.status)
        tunnel = self._tunnels.info(edge.id)
        if tunnel is not None:
            info.tunnel.CopyFrom(tunnel)
        return info


def _stamp(moment: dt.datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
