"""Calls that must stay open: dial, work, and after every kind of end wait and dial again; health says how it stands."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

import grpc
import grpc.aio

from guardian.common import log, rpc
from guardian.common.errors import GuardianError
from guardian.common.health import Health, State
from guardian.common.retry import Backoff

# The other side is reached and says no for good: waiting will not mend it.
_FINAL = frozenset({"edge_revoked", "edge_unknown"})
M = TypeVar("M")
_log = log.get(__name__)


class _Connecting(Protocol):
    async def initial_metadata(self) -> Any: ...

    def done(self) -> bool: ...


class Line:
    """One kind of call to one peer."""

    def __init__(
        self, name: str, peer: str, health: Health, stopping: asyncio.Event, *, longest_wait: float = 15.0
    ) -> None:
        self.name = name
        self._peer = peer
        self._health = health
        self._stopping = stopping
        self._backoff = Backoff(initial=0.5, maximum=longest_wait)
        self._heard = time.monotonic()

    @property
    def silent(self) -> float:
        """Seconds since the call last worked or failed for a cause it named: what a watchdog may rest on."""
        return time.monotonic() - self._heard

    def up(self, sentence: str, **detail: Any) -> None:
        """It works: the next failure is tried again soon."""
        self._backoff.reset()
        self._heard = time.monotonic()
        if self._health.set(self.name, "ok", sentence, **detail):
            _log.info("line_up", line=self.name)

    async def keep(self, work: Callable[["Line"], Awaitable[None]]) -> None:
        """Do `work` again and again until asked to stop."""
        while not self._stopping.is_set():
            try:
                await work(self)
                fault: GuardianError | None = None
            except grpc.aio.AioRpcError as error:
                fault = rpc.explain(error, self._peer)
            except GuardianError as error:
                fault = error
            if fault is not None:
                self.down(fault)
            if await self._backoff.wait(self._stopping):
                return

    def down(self, fault: GuardianError) -> None:
        """It does not work now, and why."""
        self._heard = time.monotonic()
        state: State = "waiting" if fault.reason == "peer_away" else "degraded"
        if fault.reason in _FINAL:
            state = "failed"
        if self._health.set(self.name, state, str(fault), reason=fault.reason):
            _log.warning("line_down", line=self.name, reason=fault.reason, sentence=str(fault))


async def announce(call: _Connecting, line: Line, sentence: str) -> None:
    """Say that the line is up when the other side has taken the call; never returns, to be raced with the work."""
    # wait_for_connection() says only that the call was sent; the answer's headers say that it was taken.
    await call.initial_metadata()
    if not call.done():
        line.up(sentence)
    await asyncio.Event().wait()


async def write(call: "grpc.aio.StreamStreamCall[M, Any]", message: M) -> None:
    """Write to a stream that is read beside it; when it has ended, the reading says why, and this waits for that."""
    try:
        await call.write(message)
    except asyncio.InvalidStateError:
        await asyncio.Event().wait()


async def race(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until the first ends, end the others, and raise what it raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        faults = [fault for task in done if not task.cancelled() and (fault := task.exception())]
    finally:
        await end(tasks)
    if faults:
        raise faults[0]


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they are gone; what they raise now no longer matters."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        # Once is not enough: Python 3.11's wait_for may swallow a cancellation that meets its result.
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.5)
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError, grpc.RpcError, grpc.aio.BaseError, GuardianError):
            await task


async def until_stopped(stopping: asyncio.Event, *works: Coroutine[Any, Any, None]) -> None:
    """Run all until `stopping` is set; one that ends or fails before takes the daemon with it."""

    async def wait() -> None:
        await stopping.wait()

    await race(wait(), *works)
