"""One LISTEN connection a process, fanned out to whoever waits for a tenant's news."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator

import psycopg

from guardian.common import log
from guardian.common.retry import Backoff
from guardian.control.database.engine import CHANNEL

ALL_KINDS = ("event", "cameras", "roster", "commands")
_log = log.get(__name__)


class Subscription:
    """What happened to one tenant since it was last asked."""

    def __init__(self) -> None:
        self._kinds: set[str] = set()
        self._woken = asyncio.Event()

    def wake(self, *kinds: str) -> None:
        """Note news."""
        self._kinds.update(kinds)
        self._woken.set()

    async def wait(self, timeout: float) -> frozenset[str]:
        """Kinds of news since the last call; empty when none came in `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout)
        self._woken.clear()
        kinds, self._kinds = frozenset(self._kinds), set()
        return kinds


class Listener:
    """Run `run()` beside the daemon; `subscribe()` anywhere."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._waiting: dict[str, set[Subscription]] = defaultdict(set)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def subscribe(self, tenant_id: str) -> Iterator[Subscription]:
        """News of one tenant while the block lasts."""
        subscription = Subscription()
        self._waiting[tenant_id].add(subscription)
        try:
            yield subscription
        finally:
            self._waiting[tenant_id].discard(subscription)
            if not self._waiting[tenant_id]:
                del self._waiting[tenant_id]

    def wake_all(self) -> None:
        """News may have been missed, or the process stops: everyone looks for themselves."""
        for group in list(self._waiting.values()):
            for subscription in group:
                subscription.wake(*ALL_KINDS)

    async def run(self, stopping: asyncio.Event) -> None:
        """Listen until `stopping`; reconnects, and then wakes everyone."""
        backoff = Backoff()
        work = asyncio.create_task(self._listen_for_ever(stopping, backoff))
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            self.wake_all()

    async def _listen_for_ever(self, stopping: asyncio.Event, backoff: Backoff) -> None:
        while not stopping.is_set():
            try:
                await self._listen(backoff)
            except (psycopg.Error, OSError) as error:
                _log.warning("listen_lost", error=type(error).__name__)
            self.listening.clear()
            await backoff.wait(stopping)

    async def _listen(self, backoff: Backoff) -> None:
        async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            backoff.reset()
            self.listening.set()
            self.wake_all()
            async for notification in connection.notifies():
                tenant_id, _, kind = notification.payload.partition(" ")
                for subscription in self._waiting.get(tenant_id, ()):
                    subscription.wake(kind)
