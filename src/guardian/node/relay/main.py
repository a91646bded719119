"""`guardian-relay`: the node's HTTP door for browsers."""

import asyncio
import contextlib
import socket

import uvicorn

from guardian.common import rpc
from guardian.common.errors import ConfigError
from guardian.common.health import Health, State
from guardian.common.http import patient
from guardian.common.lifecycle import Service, daemon
from guardian.node import identity
from guardian.node.config import DEFAULT_CONFIG, NodeConfig
from guardian.node.relay.app import create_app
from guardian.node.relay.gateway import GatewayClient
from guardian.node.relay.problems import Problem
from guardian.node.relay.service import RelayService, TicketKeys
from guardian.node.waiting import wait_for_identity

_REFRESH_SECONDS = 2.0
_CONNECTIONS, _PER_ADDRESS = 512, 128


class RelayServer:
    """The app on its port; used by the daemon and, in one process with a gateway, by tests."""

    def __init__(self, settings: NodeConfig, who: identity.Identity) -> None:
        self.service = RelayService(who, TicketKeys(settings.state_dir))
        self._channel = rpc.socket_channel(settings.gateway_socket("relay"))
        self.service.gateway = GatewayClient(self._channel, self.service.on_roster)
        self._socket = _listen(settings.relay.listen)
        self.address = "{}:{}".format(*self._socket.getsockname()[:2])
        configuration = uvicorn.Config(
            create_app(self.service, settings.relay),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=False,
            # uvicorn by itself would believe any program of this machine.
            proxy_headers=bool(settings.relay.forwarded_allow_ips),
            forwarded_allow_ips=list(settings.relay.forwarded_allow_ips),
            # Behind a proxy all come from one address.
            http=patient(0 if settings.relay.forwarded_allow_ips else _PER_ADDRESS),
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=16 << 10,
        )
        self._server = uvicorn.Server(configuration)
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]

    async def serve(self) -> None:
        """Until `stop`."""
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()
            await self._channel.close()

    def stop(self) -> None:
        """Ask `serve` to return."""
        self._server.should_exit = True

    async def look(self, health: Health) -> None:
        """Health of what the relay needs; also ends the sessions of members who were removed."""
        try:
            roster = await self.service.gateway.roster()
            health.set("gateway", "ok", "The gateway answers.")
            health.set("roster", "ok", f"The household's roster has {len(roster)} entries.")
        except Problem as problem:
            name = "roster" if problem.reason in ("no_vault", "roster_broken") else "gateway"
            state: State = "failed" if problem.reason == "roster_broken" else "waiting"
            health.set(name, state, problem.sentence, reason=problem.reason)


async def run(service: Service[NodeConfig]) -> None:
    """The daemon."""
    settings = service.settings
    who = await wait_for_identity(service)
    if who is None:
        return
    server = RelayServer(settings, who)
    serving = asyncio.create_task(server.serve())
    service.health.set("listener", "ok", f"Browsers reach the relay at {server.address}.", address=server.address)
    relay = server.service
    service.health.gauge("relay_sessions", "Sessions open", lambda: len(relay.sessions))
    service.health.gauge("relay_refused", "Attempts to unlock that were refused since start", lambda: relay.refused)
    service.ready()
    try:
        while not service.stopping.is_set() and not serving.done():
            await server.look(service.health)
            service.status(_line(server.service, settings.relay.public_url))
            service.progressed()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(service.stopping.wait(), _REFRESH_SECONDS)
    finally:
        server.stop()
        await serving


def _line(relay: RelayService, address: str) -> str:
    refused = f"; {relay.refused} refused, the last: {relay.last_refusal}" if relay.refused else ""
    return f"{len(relay.sessions)} sessions at {address}{refused}"


def _listen(address: str) -> socket.socket:
    host, port = rpc.split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"The relay cannot listen on {address}: {error.strerror}.",
            reason="listen_failed",
            hint="Another program may use the port, or the address is not this machine's.",
        ) from error
    listener.setblocking(False)
    return listener


def main() -> None:
    """Console script."""
    daemon(
        "relay",
        NodeConfig,
        run,
        description="The node's door for browsers: sealed bytes for members of the household.",
        default_config=DEFAULT_CONFIG,
        fixed=("relay",),
    )
