"""`guardian-tunnel`: keeps the edge's end of the tunnel up, and says how it is."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from guardian.common import log, secrets
from guardian.common.lifecycle import Service, daemon
from guardian.common.retry import Backoff
from guardian.common.rpc import split_address
from guardian.common.wireguard.device import WireGuardError
from guardian.common.wireguard.interface import TunnelInterface
from guardian.common.wireguard.probe import answer_if_asked
from guardian.edge import identity
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig
from guardian.edge.identity import WIREGUARD_KEY, folder_of
from guardian.edge.tunnel import settings as tunnel_settings
from guardian.edge.tunnel.keeper import Keeper
from guardian.edge.tunnel.settings import TunnelFile

_GATEWAY_PORT = 7443
_log = log.get(__name__)


async def run(service: Service[EdgeConfig]) -> None:
    """The daemon."""
    file = await _wait_for_settings(service)
    if file is None:
        return
    state_dir, tunnel = service.settings.state_dir, service.settings.tunnel
    private = secrets.read(WIREGUARD_KEY, folder_of(state_dir))
    try:
        interface = TunnelInterface(tunnel.interface, tunnel.driver, private)
    except ValueError as error:
        raise identity.IdentityError("The tunnel's key is damaged.", reason="identity_damaged") from error
    keeper = Keeper(file, tunnel, interface, _gateway_port(state_dir))

    async def reload(new: EdgeConfig) -> None:
        keeper.reload(new.tunnel)

    service.on_reload = reload
    _offer_metrics(service, keeper)
    while not service.stopping.is_set():
        await look(service, keeper, file)
        try:
            await asyncio.wait_for(service.stopping.wait(), service.settings.tunnel.ping_interval)
        except TimeoutError:
            continue


async def look(service: Service[EdgeConfig], keeper: Keeper, file: TunnelFile) -> None:
    """One round: hold the interface, ask the hub, say how it stands."""
    health = service.health
    try:
        await keeper.hold()
        if health.set("interface", "ok", f"{service.settings.tunnel.interface} is up.", address=file.address):
            _log.info("tunnel_interface_up")
        service.ready()
        await keeper.ask()
        _report(service, keeper, file)
    except WireGuardError as error:
        away = error.reason == "wireguard_away"
        if health.set("interface", "waiting" if away else "failed", str(error), reason=error.reason):
            _log.warning("tunnel_interface_down", reason=error.reason, sentence=str(error))
        service.status(f"no tunnel: {error}")
    # A round ends by its deadlines: the driver answered, or its absence has a name.
    service.progressed()


def _report(service: Service[EdgeConfig], keeper: Keeper, file: TunnelFile) -> None:
    state, health = keeper.state, service.health
    figures: dict[str, Any] = {"endpoint": file.endpoint, "received_bytes": state.received, "sent_bytes": state.sent}
    if state.handshake_age is not None:
        figures["last_handshake_seconds"] = round(state.handshake_age)
    if state.latency is not None:
        figures["latency_ms"] = round(state.latency * 1000, 1)
    if keeper.connected:
        parts = [f"connected to {file.host}"]
        if state.latency is not None:
            parts.append(f"{state.latency * 1000:.0f} ms")
        if state.handshake_age is not None:
            parts.append(f"last handshake {state.handshake_age:.0f} s ago")
        sentence = ", ".join(parts)
        if health.set("hub", "ok", f"The tunnel is {sentence}.", **figures):
            _log.info("tunnel_up")
    else:
        why = f" ({state.fault})" if state.fault else ""
        sentence = f"no answer from {file.host} for {keeper.silent_for:.0f} s{why}, trying again"
        if health.set("hub", "waiting", f"The tunnel has {sentence}.", reason="hub_silent", **figures):
            _log.warning("tunnel_down", reason="hub_silent")
    service.status(sentence)


def _offer_metrics(service: Service[EdgeConfig], keeper: Keeper) -> None:
    gauge = service.health.gauge
    nan = float("nan")
    gauge("tunnel_connected", "1 when the hub answered lately", lambda: float(keeper.connected))
    gauge(
        "tunnel_handshake_age_seconds",
        "Since the last WireGuard handshake",
        lambda: nan if keeper.state.handshake_age is None else keeper.state.handshake_age,
    )
    gauge(
        "tunnel_latency_seconds",
        "Of the last ping to the hub",
        lambda: nan if keeper.state.latency is None else keeper.state.latency,
    )
    gauge("tunnel_received_bytes", "Through the tunnel since the interface is there", lambda: keeper.state.received)
    gauge("tunnel_sent_bytes", "Through the tunnel since the interface is there", lambda: keeper.state.sent)
    gauge("tunnel_redials", "How often the hub was dialled anew since start", partial(getattr, keeper, "redials"))


async def _wait_for_settings(service: Service[EdgeConfig]) -> TunnelFile | None:
    backoff = Backoff(initial=0.5, maximum=5.0)
    while True:
        found = tunnel_settings.load(service.settings.state_dir)
        if found is not None:
            # Not at enrolment alone: the file, and what is known of the network, may have changed since.
            tunnel_settings.check(found, service.settings.tunnel.network)
            return found
        enrolled = identity.is_enrolled(service.settings.state_dir)
        sentence = "this edge's node has no tunnel" if enrolled else "waiting to be enrolled"
        service.health.set("identity", "ok" if enrolled else "waiting", f"{sentence.capitalize()}.", reason="no_tunnel")
        service.ready()
        service.status(sentence)
        service.progressed()
        if await backoff.wait(service.stopping):
            return None


def _gateway_port(state_dir: Path) -> int:
    """Where a ping that may not be ICMP knocks."""
    try:
        return split_address(identity.load_file(state_dir).gateway)[1]
    except identity.IdentityError:
        return _GATEWAY_PORT


def main() -> None:
    """Console script."""
    answer_if_asked()
    daemon("tunnel", EdgeConfig, run, description="The edge's end of the tunnel.", default_config=DEFAULT_CONFIG)
