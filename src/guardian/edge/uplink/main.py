"""`guardian-uplink`: waits for enrolment, then keeps five calls to the node open, each on its own."""

import asyncio
from functools import partial

from guardian.common import rpc
from guardian.common.dialling import Line, until_stopped
from guardian.common.lifecycle import Service, daemon
from guardian.common.renewal import Renewal
from guardian.common.retry import Backoff
from guardian.contracts.edge.v1 import edge_pb2
from guardian.edge import identity
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig
from guardian.edge.places import ring_socket
from guardian.edge.uplink.commands import CommandRunner
from guardian.edge.uplink.objects import Objects
from guardian.edge.uplink.outbox import Outbox
from guardian.edge.uplink.renewal import NodeRenewal
from guardian.edge.uplink.ring import Ring
from guardian.edge.uplink.rosters import RosterKeeper
from guardian.edge.uplink.sender import Sender
from guardian.edge.uplink.server import ObjectServer
from guardian.edge.uplink.store import UplinkStore
from guardian.edge.uplink.telemetry import Telemetry

_REFRESH_SECONDS = 2.0


async def run(service: Service[EdgeConfig]) -> None:
    """The daemon."""
    settings = service.settings
    store = UplinkStore(settings.state_dir)
    ring = Ring(ring_socket(settings.run_dir))
    ring.open()
    try:
        service.ready()
        who = await _wait_for_identity(service)
        figures = _offer_metrics(service)
        # Round again with each renewed certificate.
        while who is not None and not service.stopping.is_set():
            await _serve(service, who, store, ring, figures)
    finally:
        ring.close()
        store.close()


async def _serve(
    service: Service[EdgeConfig], who: identity.Identity, store: UplinkStore, ring: Ring, figures: dict[str, int]
) -> None:
    settings, health, stopping = service.settings, service.health, service.stopping
    health.set("identity", "ok", "This edge is enrolled.", edge=who.edge, node=who.gateway)
    outbox = Outbox(settings.state_dir)
    async with rpc.mutual_channel(who.gateway, who.folder) as channel:
        keeper = RosterKeeper(settings.state_dir, channel, health, who.fingerprint)

        def fill(status: edge_pb2.EdgeStatus) -> None:
            roster = keeper.current
            status.roster_entries = len(roster) if roster else 0
            status.roster_head = roster.head_hash if roster else b""
            status.roster_fault = keeper.fault[:512]
            status.outbox_waiting = outbox.waiting(store.cursor())

        telemetry = Telemetry(settings, channel, store.camera_names, fill)
        keeper.changed = telemetry.wake

        async def take(settings: EdgeConfig) -> None:
            telemetry.settings = settings
            telemetry.wake()

        service.on_reload = take
        await telemetry.status()
        commands = CommandRunner(who, channel, store, lambda: keeper.current, lambda: telemetry.cameras, telemetry.wake)
        works = {
            "events": Sender(channel, outbox, store, ring).work,
            "telemetry": telemetry.work,
            "roster_sync": keeper.work,
            "commands": commands.work,
            "objects": ObjectServer(channel, Objects(settings.state_dir)).work,
        }
        lines = [Line(name, "node", health, stopping).keep(work) for name, work in works.items()]
        renewal = Renewal(settings.state_dir, "uplink", health, NodeRenewal(who, channel).ask)
        await until_stopped(stopping, _report(service, outbox, store, figures), renewal.keep(), *lines)


def _offer_metrics(service: Service[EdgeConfig]) -> dict[str, int]:
    figures = {"waiting": 0, "acknowledged": 0, "refused": 0}
    gauge, figure = service.health.gauge, figures.__getitem__
    gauge("uplink_events_waiting", "Event revisions the node has not acknowledged", partial(figure, "waiting"))
    gauge("uplink_events_acknowledged", "Outbox position that is acknowledged", partial(figure, "acknowledged"))
    gauge("uplink_events_refused", "Event revisions the node refused for good", partial(figure, "refused"))
    return figures


async def _report(service: Service[EdgeConfig], outbox: Outbox, store: UplinkStore, figures: dict[str, int]) -> None:
    while True:
        before = figures["acknowledged"]
        position = figures["acknowledged"] = await asyncio.to_thread(store.cursor)
        waiting = figures["waiting"] = await asyncio.to_thread(outbox.waiting, position)
        refused = figures["refused"] = len(await asyncio.to_thread(store.refused))
        if refused:
            sentence = f"The node refused {refused} events for good; they stay on this edge."
            service.health.set("refused", "degraded", sentence, reason="events_refused", refused=refused)
        line = service.health.get("events")
        connected = line is not None and line.state == "ok"
        service.status(f"{'connected' if connected else 'waiting for the node'}, {waiting} events to send")
        # While the node is away this look, by its deadline, is the progress there can be; while it is there, only
        # events that reach it are.
        if not connected or not waiting or position != before:
            service.progressed()
        await asyncio.sleep(_REFRESH_SECONDS)


async def _wait_for_identity(service: Service[EdgeConfig]) -> identity.Identity | None:
    backoff = Backoff(initial=0.5, maximum=5.0)
    while True:
        try:
            return identity.load(service.settings.state_dir)
        except identity.IdentityError as error:
            if error.reason != "not_enrolled":
                raise
            service.health.set("identity", "waiting", str(error), reason=error.reason)
            service.status("waiting to be enrolled")
            service.progressed()
        if await backoff.wait(service.stopping):
            return None


def main() -> None:
    """Console script."""
    daemon(
        "uplink",
        EdgeConfig,
        run,
        description="This edge's line to its node.",
        default_config=DEFAULT_CONFIG,
    )
