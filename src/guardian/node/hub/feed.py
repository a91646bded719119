"""The hub's line to the gateway: who the peers are, down; how they are, up."""

import asyncio
from ipaddress import IPv4Network

import grpc.aio

from guardian.common.dialling import Line
from guardian.common.errors import PeerError
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.node.hub.keeper import EdgeState, Keeper
from guardian.node.hub.peers import PeerFile, checked

_MAX_PEERS = 1 << 16
_REPORT = 2000


class Feed:
    """Both directions over the gateway's Unix socket."""

    def __init__(
        self, channel: grpc.aio.Channel, keeper: Keeper, file: PeerFile, network: IPv4Network, public: bytes
    ) -> None:
        self._stub = node_pb2_grpc.GatewayServiceStub(channel)
        self._keeper = keeper
        self._file = file
        self._network = network
        self._public = public

    async def follow(self, line: Line) -> None:
        """The peers, as they change, until the stream breaks; each list is in force before it is kept."""
        call = self._stub.WatchTunnelPeers(node_pb2.WatchTunnelPeersRequest(hub_public=self._public))
        collected: list[tuple[str, bytes, str]] = []
        try:
            async for answer in call:
                collected += [(item.edge_id, item.public, item.address) for item in answer.peers]
                if len(collected) > _MAX_PEERS:
                    raise PeerError("The gateway's list of peers never ends.", reason="peers_malformed")
                if not answer.last:
                    continue
                peers, collected = checked(collected, self._network), []
                await self._keeper.hold(peers)
                await asyncio.to_thread(self._file.save, peers)
                line.up(f"The gateway names {len(peers)} peers.", peers=len(peers))
        finally:
            call.cancel()

    async def report(self, line: Line, interval: float) -> None:
        """How the peers are, every so often, until a call fails."""
        while True:
            states = list(self._keeper.states.items())
            addresses = {item.edge_id: item.address for item in self._keeper.peers}
            for start in range(0, max(1, len(states)), _REPORT):
                piece = states[start : start + _REPORT]
                peers = [
                    node_pb2.PeerReport(edge_id=edge_id, info=_info(addresses.get(edge_id, ""), state))
                    for edge_id, state in piece
                ]
                await self._stub.ReportTunnel(node_pb2.ReportTunnelRequest(peers=peers), timeout=10)
            line.up("The gateway knows how the tunnels are.")
            await asyncio.sleep(interval)


def _info(address: str, state: EdgeState) -> node_pb2.TunnelInfo:
    info = node_pb2.TunnelInfo(
        address=address,
        endpoint=state.seen.endpoint,
        received_bytes=state.seen.received,
        sent_bytes=state.seen.sent,
        latency_ms=(state.latency or 0.0) * 1000,
        connected=state.connected,
    )
    if state.seen.handshake:
        info.last_handshake.FromNanoseconds(int(state.seen.handshake * 1e9))
    return info
