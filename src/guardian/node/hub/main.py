"""`guardian-hub`: keeps the node's end of all tunnels up; works on with the last list while the gateway is away."""

import asyncio
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

from guardian.common import log, rpc
from guardian.common.dialling import Line, until_stopped
from guardian.common.errors import ConfigError, StoreError
from guardian.common.lifecycle import Service, daemon
from guardian.common.wireguard.device import WireGuardError
from guardian.common.wireguard.interface import TunnelInterface
from guardian.common.wireguard.probe import answer_if_asked
from guardian.node.config import DEFAULT_CONFIG, NodeConfig
from guardian.node.hub.feed import Feed
from guardian.node.hub.keeper import Keeper
from guardian.node.hub.key import load_or_make
from guardian.node.hub.peers import EdgePeer, PeerFile

_REPORT_SECONDS = 5.0
_log = log.get(__name__)


async def run(service: Service[NodeConfig]) -> None:
    """The daemon."""
    settings, hub = service.settings, service.settings.hub
    network = IPv4Network(hub.network)
    private = load_or_make(settings.state_dir)
    interface = TunnelInterface(hub.interface, hub.driver, private, hub.listen_port)
    keeper = Keeper(hub, interface)
    file = PeerFile(settings.state_dir / "hub", network)
    try:
        peers = file.load()
    except StoreError as error:
        _log.error("store_failed", reason=error.reason, sentence=str(error))
        peers = []
    _offer_metrics(service, keeper)
    if not await _first_hold(service, keeper, peers):
        return
    service.ready()
    async with rpc.socket_channel(settings.gateway_socket("hub")) as channel:
        feed = Feed(channel, keeper, file, network, interface.public)
        # Beside us on the same machine: asked often, so that a new edge is let in at once.
        following = Line("peers", "gateway", service.health, service.stopping, longest_wait=1.0)
        reporting = Line("report", "gateway", service.health, service.stopping, longest_wait=1.0)
        interval = min(hub.ping_interval, _REPORT_SECONDS)
        await until_stopped(
            service.stopping,
            _rounds(service, keeper),
            following.keep(feed.follow),
            reporting.keep(partial(feed.report, interval=interval)),
        )


async def _first_hold(service: Service[NodeConfig], keeper: Keeper, peers: list[EdgePeer]) -> bool:
    """READY only with the interface there: the gateway binds to its address. False when stopped before."""
    while not service.stopping.is_set():
        if await _hold(service, keeper, peers):
            return True
        try:
            await asyncio.wait_for(service.stopping.wait(), 1.0)
        except TimeoutError:
            continue
    return False


async def _hold(service: Service[NodeConfig], keeper: Keeper, peers: list[EdgePeer] | None = None) -> bool:
    hub, health = service.settings.hub, service.health
    # A round ends by its deadlines: the driver answered, or its absence has a name.
    service.progressed()
    try:
        await keeper.hold(peers)
    except WireGuardError as error:
        away = error.reason == "wireguard_away"
        if health.set("interface", "waiting" if away else "failed", str(error), reason=error.reason):
            _log.warning("tunnel_interface_down", reason=error.reason, sentence=str(error))
        service.status(f"no tunnels: {error}")
        return False
    sentence = f"{hub.interface} is up; edges reach it at UDP port {hub.listen_port}."
    if health.set("interface", "ok", sentence, address=hub.address):
        _log.info("tunnel_interface_up")
    return True


async def _rounds(service: Service[NodeConfig], keeper: Keeper) -> None:
    hub, health = service.settings.hub, service.health
    while True:
        if await _hold(service, keeper):
            await keeper.ask()
            all_of_them = len(keeper.peers)
            health.set("edges", "ok", f"{keeper.connected} of {all_of_them} edges answer.", peers=all_of_them)
            service.status(f"{keeper.connected} of {all_of_them} edges connected, UDP port {hub.listen_port}")
            _look_at_forwarding(service)
        await asyncio.sleep(hub.ping_interval)


def _look_at_forwarding(service: Service[NodeConfig]) -> None:
    """The role switches it off; a host that does it all the same would let edges see each other."""
    name = service.settings.hub.interface
    try:
        on = Path(f"/proc/sys/net/ipv4/conf/{name}/forwarding").read_text("ascii").strip() == "1"
    except OSError:
        return
    if on:
        sentence = f"This host forwards what comes in at {name}: edges may reach more than the gateway."
        service.health.set("forwarding", "degraded", sentence, reason="hub_forwards")
    else:
        service.health.remove("forwarding")


def _offer_metrics(service: Service[NodeConfig], keeper: Keeper) -> None:
    gauge = service.health.gauge
    gauge("hub_peers", "Edges that may use the tunnel", lambda: len(keeper.peers))
    gauge("hub_peers_connected", "Edges that do", lambda: keeper.connected)
    gauge("hub_peers_taken_up", "How often a silent edge was taken up anew since start", lambda: keeper.renewed)
    gauge(
        "hub_received_bytes",
        "From all edges since their tunnels are there",
        lambda: sum(state.seen.received for state in keeper.states.values()),
    )
    gauge(
        "hub_sent_bytes",
        "To all edges since their tunnels are there",
        lambda: sum(state.seen.sent for state in keeper.states.values()),
    )


def check(settings: NodeConfig) -> None:
    """A node without a hub needs no such daemon."""
    if not settings.hub.enabled:
        raise ConfigError("hub.enabled is no: this node has no hub.", reason="config_hub_disabled")


def main() -> None:
    """Console script."""
    answer_if_asked()
    daemon(
        "hub",
        NodeConfig,
        run,
        description="The node's end of its edges' tunnels.",
        default_config=DEFAULT_CONFIG,
        check=check,
        fixed=("hub",),
    )
