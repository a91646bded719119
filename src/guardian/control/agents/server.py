"""Both gRPC ports, and the watch for nodes that have gone silent."""

import asyncio
import time
from dataclasses import dataclass, field

import grpc

from guardian.common import rpc
from guardian.common.errors import ConfigError
from guardian.contracts.control.v1 import control_pb2_grpc
from guardian.contracts.control.v1.control_pb2 import ReportHealthRequest
from guardian.control.agents.caller import Caller
from guardian.control.agents.enrolment import NodeEnrolmentService
from guardian.control.agents.figures import Figures
from guardian.control.agents.pki import Pki
from guardian.control.agents.report import ReportService
from guardian.control.agents.service import AgentService
from guardian.control.config import Settings
from guardian.control.database.engine import DATABASE_AWAY, Database
from guardian.control.database.listen import Listener
from guardian.control.errors import Forbidden
from guardian.control.nodes.service import FRESH, NodeService
from guardian.control.tickets.keys import load_public

# A node has a handful of calls open.
_AT_ONCE = 4096


@dataclass
class AgentsServer:
    """Open with `start()`, closed with `stop()`; ports are known in between."""

    settings: Settings
    database: Database
    listener: Listener
    port: int = 0
    enrol_port: int = 0
    figures: Figures = field(default_factory=Figures)
    _servers: list[grpc.aio.Server] = field(default_factory=list)
    _deadlines: dict[Caller, float] = field(default_factory=dict)

    async def start(self) -> None:
        """Open both ports; ConfigError `config_address_taken` when one cannot be had."""
        agents = self.settings.agents
        pki = Pki.load(self.settings.state_dir, agents)
        keys = load_public(self.settings.state_dir)
        main = grpc.aio.server(options=rpc.SERVER_OPTIONS, maximum_concurrent_rpcs=_AT_ONCE)
        enrol = grpc.aio.server(options=rpc.STRANGER_OPTIONS, maximum_concurrent_rpcs=rpc.STRANGER_CALLS)
        service = AgentService(self.database, self.listener, keys, pki, self._reported)
        control_pb2_grpc.add_AgentServiceServicer_to_server(service, main)
        enrolment = NodeEnrolmentService(self.database, pki, agents.advertise, keys)
        control_pb2_grpc.add_NodeEnrolmentServiceServicer_to_server(enrolment, enrol)
        self.port = _bind(main, agents.listen, pki.agents_credentials(agents))
        self.enrol_port = _bind(enrol, agents.enrol_listen, pki.enrolment_credentials())
        for server in (main, enrol):
            await server.start()
            self._servers.append(server)

    async def stop(self) -> None:
        """Unacknowledged summaries will come again; open streams end."""
        await asyncio.gather(*(server.stop(1.0) for server in self._servers))
        self._servers.clear()

    @property
    def connected(self) -> int:
        """Nodes that reported lately."""
        return len(self._deadlines)

    def _reported(self, caller: Caller, report: ReportHealthRequest) -> None:
        self._deadlines[caller] = time.monotonic() + FRESH.total_seconds()
        self.figures.reported(caller, report)

    async def tell_silences(self) -> None:
        """Wake the browsers of nodes whose last report has just become old."""
        moment = time.monotonic()
        reports = ReportService(self.database)
        for caller in [caller for caller, deadline in self._deadlines.items() if deadline < moment]:
            try:
                await reports.silent(caller.tenant_id)
            except DATABASE_AWAY:
                # Told at the next round.
                return
            self._deadlines.pop(caller, None)
            self.figures.silent(caller)
        await self._forget_revoked()

    async def _forget_revoked(self) -> None:
        """A node that was taken away is silent for good, and nobody is to be woken for that."""
        nodes = NodeService(self.database)
        for caller in self.figures.to_look_at(time.monotonic()):
            try:
                await nodes.check(caller.tenant_id, caller.node_id)
            except Forbidden:
                self.figures.forget(caller)
            except DATABASE_AWAY:
                return


def _bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials) -> int:
    try:
        port: int = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise ConfigError(
            f"{address} cannot be listened on.",
            reason="config_address_taken",
            hint="Another process has it, or it is not an address of this machine.",
        ) from error
    return port
