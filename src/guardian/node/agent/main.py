"""`guardian-agent`: the node's own line to its control plane; everything is dialled from here."""

import asyncio
from functools import partial

import grpc.aio

from guardian.common import rpc
from guardian.common.dialling import Line, until_stopped
from guardian.common.errors import PeerError
from guardian.common.lifecycle import Service, daemon
from guardian.common.renewal import Renewal
from guardian.contracts.control.v1 import control_pb2, control_pb2_grpc
from guardian.node import identity
from guardian.node.agent.downward import Commands, RosterSync
from guardian.node.agent.orders import Orders
from guardian.node.agent.reports import Reports
from guardian.node.agent.store import AgentStore
from guardian.node.agent.summaries import Summaries
from guardian.node.config import DEFAULT_CONFIG, NodeConfig
from guardian.node.waiting import wait_for_identity

_REFRESH_SECONDS = 2.0
# The longest pause between two tries, and the time-outs of the two calls in each.
STUCK_SECONDS = 40.0


async def run(service: Service[NodeConfig]) -> None:
    """The daemon."""
    settings = service.settings
    store = AgentStore(settings.state_dir)
    try:
        service.ready()
        who = await wait_for_identity(service)
        # Round again with each renewed certificate.
        while who is not None and not service.stopping.is_set():
            await _serve(service, who, store)
    finally:
        store.close()


async def _serve(service: Service[NodeConfig], who: identity.Identity, store: AgentStore) -> None:
    settings, health, stopping = service.settings, service.health, service.stopping
    folder = identity.folder_of(settings.state_dir)
    async with (
        rpc.mutual_channel(who.agents, folder) as control,
        rpc.socket_channel(settings.gateway_socket("agent")) as gateway,
    ):
        reports = Reports(settings, gateway, control)

        async def take(settings: NodeConfig) -> None:
            reports.settings = settings

        service.on_reload = take
        works = {
            "summaries": Summaries(gateway, control, store).work,
            "reports": reports.work,
            "roster_sync": RosterSync(gateway, control).work,
            "commands": Commands(gateway, control).work,
            "orders": Orders(gateway, control).work,
        }
        lines = {name: Line(name, "control plane", health, stopping) for name in works}
        kept = [lines[name].keep(work) for name, work in works.items()]
        renewal = Renewal(settings.state_dir, "agent", health, partial(_ask, control))
        await until_stopped(stopping, report(service, lines["reports"]), renewal.keep(), *kept)


async def _ask(control: grpc.aio.Channel, csr: bytes, ended: bool) -> bytes:
    """A new certificate, DER, from the control plane."""
    if ended:
        raise PeerError(
            "This node's certificate has ended, and only one that is good can be renewed.",
            reason="renewal_too_late",
            hint="Get a token from the control plane's operator and enrol this node again.",
        )
    stub = control_pb2_grpc.AgentServiceStub(control)
    answer = await stub.RenewCertificate(control_pb2.RenewCertificateRequest(csr_der=csr), timeout=15)
    return answer.certificate_der


async def report(service: Service[NodeConfig], reports: Line) -> None:
    """Says how the line is, for ever; pets the watchdog while it works, or fails for a cause that is looked at anew."""
    while True:
        line = service.health.get("reports")
        connected = line is not None and line.state == "ok"
        service.status("connected" if connected else "waiting for the control plane")
        # A report every few seconds, or a refusal and the next try: one that hangs in between is stuck.
        if reports.silent < STUCK_SECONDS:
            service.progressed()
        await asyncio.sleep(_REFRESH_SECONDS)


def main() -> None:
    """Console script."""
    daemon(
        "agent",
        NodeConfig,
        run,
        description="The node's line to its control plane.",
        default_config=DEFAULT_CONFIG,
    )
