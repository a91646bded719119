"""Holds the edge's end, pings the hub, and dials it anew when it falls silent."""

import asyncio
import socket
import time
from dataclasses import dataclass, replace

from guardian.common import log
from guardian.common.rpc import split_address
from guardian.common.wireguard.device import Peer, Seen
from guardian.common.wireguard.interface import TunnelInterface
from guardian.common.wireguard.link import Shape
from guardian.common.wireguard.neighbours import refuse_overlap
from guardian.common.wireguard.ping import ping
from guardian.edge.config import TunnelConfig
from guardian.edge.tunnel.settings import TunnelFile

_PATIENCE = 3.0
_RESOLVE_SECONDS = 5.0
_log = log.get(__name__)


@dataclass(frozen=True)
class State:
    """The tunnel as last seen. Times in seconds; `latency` None: not answered."""

    latency: float | None = None
    handshake_age: float | None = None
    received: int = 0
    sent: int = 0
    misses: int = 0
    silent_since: float | None = None
    fault: str = ""


class Keeper:
    """One tunnel."""

    def __init__(self, file: TunnelFile, settings: TunnelConfig, interface: TunnelInterface, gateway_port: int) -> None:
        self._file = file
        self._settings = settings
        self._interface = interface
        self._gateway_port = gateway_port
        self._hub = bytes.fromhex(file.hub_public)
        self._endpoint: tuple[str, int] | None = None
        self._began = time.monotonic()
        self._is_clear = False
        self.state = State()
        self.redials = 0

    def reload(self, settings: TunnelConfig) -> None:
        """New figures from the next round on."""
        self._settings = settings

    @property
    def connected(self) -> bool:
        """The hub answered lately."""
        return self.state.latency is not None or (
            self.state.silent_since is not None and self.state.misses < self._settings.silent_pings
        )

    async def hold(self) -> None:
        """The interface as it is to be; WireGuardError when it cannot be had."""
        if self._endpoint is None:
            await self._resolve()
        shape = Shape(
            f"{self._file.address}/32", self._settings.mtu or self._file.mtu, (f"{self._file.hub_address}/32",)
        )
        if not self._is_clear:
            await asyncio.to_thread(refuse_overlap, self._settings.network, self._interface.name)
            # Once: a neighbour that comes later must not take a tunnel down that is up.
            self._is_clear = True
        look = await asyncio.to_thread(self._interface.hold, shape, [self._peer()])
        seen = look.peers.get(self._hub, Seen(self._hub))
        age = max(0.0, time.time() - seen.handshake) if seen.handshake else None
        self.state = replace(self.state, handshake_age=age, received=seen.received, sent=seen.sent)

    async def ask(self) -> None:
        """One ping; after too many that were not answered the hub is looked up and dialled anew."""
        latency = await ping(self._file.hub_address, self._gateway_port, _PATIENCE)
        moment = time.monotonic()
        if latency is not None:
            self.state = replace(self.state, latency=latency, misses=0, silent_since=moment)
            return
        misses = self.state.misses + 1
        self.state = replace(self.state, latency=None, misses=misses)
        if misses >= self._settings.silent_pings:
            await self._redial()

    @property
    def silent_for(self) -> float:
        """Seconds since the hub answered, or since this daemon began."""
        return time.monotonic() - (self.state.silent_since or self._began)

    async def _redial(self) -> None:
        """A home's or a node's address changes; a name is asked again each time, several answers are tried in turn."""
        before = self._endpoint
        await self._resolve()
        self.redials += 1
        if self._endpoint != before:
            _log.info("hub_moved")
            # WireGuard would wait for its own next try: a session with nobody is no loss.
            await asyncio.to_thread(self._interface.renew, self._peer())

    async def _resolve(self) -> None:
        host, port = split_address(self._file.endpoint)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except (OSError, TimeoutError, UnicodeError):
            self.state = replace(self.state, fault=f"the name {host} cannot be looked up")
            return
        self.state = replace(self.state, fault="")
        addresses = list(dict.fromkeys((str(item[4][0]), port) for item in found))
        place = addresses.index(self._endpoint) + 1 if self._endpoint in addresses else 0
        self._endpoint = addresses[place % len(addresses)]

    def _peer(self) -> Peer:
        return Peer(self._hub, (f"{self._file.hub_address}/32",), self._endpoint, self._settings.keepalive)
