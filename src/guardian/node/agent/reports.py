"""How the node and its edges are: every few seconds, and at once when a state changes. Ticket keys come back."""

import asyncio
import time
from importlib.metadata import version

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from guardian.common import log
from guardian.common.clock import now
from guardian.common.dialling import Line
from guardian.contracts.control.v1 import control_pb2, control_pb2_grpc
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.node import identity
from guardian.node.agent.gateway import asking_gateway
from guardian.node.agent.mapping import edge_health, essence
from guardian.node.config import NodeConfig

INTERVAL = 5.0
_LOOK = 1.0
_log = log.get(__name__)


class Reports:
    """`ReportHealth` and what its answer brings."""

    def __init__(self, settings: NodeConfig, gateway: grpc.aio.Channel, control: grpc.aio.Channel) -> None:
        self.settings = settings
        self._gateway = node_pb2_grpc.GatewayServiceStub(gateway)
        self._control = control_pb2_grpc.AgentServiceStub(control)

    async def work(self, line: Line) -> None:
        """Until a call fails."""
        told, sent_at = b"", 0.0
        while True:
            with asking_gateway():
                listed = await self._gateway.ListEdges(node_pb2.ListEdgesRequest(), timeout=10)
            edges = [edge_health(edge) for edge in listed.edges]
            news = essence(edges)
            if news != told or time.monotonic() - sent_at >= INTERVAL:
                await self._send(edges)
                told, sent_at = news, time.monotonic()
                line.up("The control plane knows how this node is.", edges=len(edges))
            await asyncio.sleep(_LOOK)

    async def _send(self, edges: list[control_pb2.EdgeHealth]) -> None:
        moment = Timestamp()
        moment.FromDatetime(now())
        report = control_pb2.ReportHealthRequest(
            time=moment,
            software_version=version("guardian"),
            relay_url=self.settings.relay.public_url,
            edges=edges,
        )
        answer = await self._control.ReportHealth(report, timeout=10)
        await asyncio.to_thread(self._keep_keys, list(answer.ticket_keys))

    def _keep_keys(self, keys: list[bytes]) -> None:
        # None at all would lock everybody out: that is a fault there, not an order.
        if not keys or len(keys) > 16 or any(len(key) != 32 for key in keys):
            return
        if keys != identity.load_ticket_keys(self.settings.state_dir):
            identity.save_ticket_keys(self.settings.state_dir, keys)
            _log.info("ticket_keys_renewed", count=len(keys))
