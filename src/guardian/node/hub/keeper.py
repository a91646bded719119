"""Holds the hub's interface with exactly the peers it was told, pings them, and takes silent ones up anew."""

import asyncio
import time
from dataclasses import dataclass, field

from guardian.common import log
from guardian.common.wireguard.device import Look, Seen
from guardian.common.wireguard.interface import TunnelInterface
from guardian.common.wireguard.link import Shape
from guardian.common.wireguard.ping import ping
from guardian.node.config import HubSection
from guardian.node.hub.peers import EdgePeer

_AT_ONCE = 64
_PATIENCE = 3.0
# Nobody listens there: an edge that may not be pinged answers with a refusal, or not at all.
_DISCARD = 9
# WireGuard makes a new session every two minutes while packets flow, and uses none older than three.
_SESSION = 180.0
_log = log.get(__name__)


@dataclass
class EdgeState:
    """An edge's end as seen last; `latency` in seconds, None: not answered."""

    seen: Seen
    latency: float | None = None
    # When this daemon met it or took it up last, by the monotonic clock.
    since: float = field(default_factory=time.monotonic)

    @property
    def handshake_age(self) -> float | None:
        """Seconds; None: never."""
        return max(0.0, time.time() - self.seen.handshake) if self.seen.handshake else None

    @property
    def connected(self) -> bool:
        """It answered, or its session is young enough to be in use."""
        age = self.handshake_age
        return self.latency is not None or (age is not None and age < _SESSION)


class Keeper:
    """All tunnels of a node."""

    def __init__(self, settings: HubSection, interface: TunnelInterface) -> None:
        self._settings = settings
        self._interface = interface
        self._peers: list[EdgePeer] = []
        # One change of the interface at a time: the round and the gateway's news come from two sides.
        self._lock = asyncio.Lock()
        self.states: dict[str, EdgeState] = {}
        self.renewed = 0

    @property
    def peers(self) -> list[EdgePeer]:
        """Who may use the tunnel."""
        return self._peers

    @property
    def connected(self) -> int:
        """How many do."""
        return sum(1 for state in self.states.values() if state.connected)

    async def hold(self, peers: list[EdgePeer] | None = None) -> None:
        """The interface as it is to be, with these peers from now on; WireGuardError when it cannot be had."""
        async with self._lock:
            if peers is not None:
                self._peers = peers
            prefix = self._settings.network.partition("/")[2]
            shape = Shape(f"{self._settings.address}/{prefix}", self._settings.mtu)
            wanted = [item.peer for item in self._peers]
            look = await asyncio.to_thread(self._interface.hold, shape, wanted)
            self._note(look)

    def _note(self, look: Look) -> None:
        before = self.states
        self.states = {}
        for item in self._peers:
            state = before.get(item.edge_id) or EdgeState(Seen(item.public))
            state.seen = look.peers.get(item.public, Seen(item.public))
            self.states[item.edge_id] = state

    async def ask(self) -> None:
        """Ping every edge; those that have been silent for too long are taken up anew."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(item: EdgePeer) -> None:
            async with slots:
                latency = await ping(item.address, _DISCARD, _PATIENCE)
            state = self.states.get(item.edge_id)
            if state is not None:
                state.latency = latency

        await asyncio.gather(*(one(item) for item in self._peers))
        await self._take_up_silent()

    async def _take_up_silent(self) -> None:
        """An edge whose clock stepped back makes handshakes that look old: forgetting it is what lets it in again."""
        moment = time.monotonic()
        for item in list(self._peers):
            state = self.states.get(item.edge_id)
            if state is None or state.latency is not None or moment - state.since < self._settings.silent_after:
                continue
            if state.handshake_age is None or state.handshake_age > self._settings.silent_after:
                await self._take_up(item, state)

    async def _take_up(self, item: EdgePeer, state: EdgeState) -> None:
        async with self._lock:
            # It may have been let go meanwhile.
            if item in self._peers:
                await asyncio.to_thread(self._interface.renew, item.peer)
                state.since = time.monotonic()
                self.renewed += 1
                _log.info("tunnel_taken_up", edge=item.edge_id)
