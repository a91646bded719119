"""One thread writes the store: jobs that wait are committed together, and nobody is answered before the fsync."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

from guardian.common.errors import GuardianError, StoreError

T = TypeVar("T")
_GROUP = 256
# A commit that takes this long, in seconds, is no slow disk but one that hangs.
_STUCK = 30.0


@dataclass
class _Job:
    work: Callable[[sa.Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class Writer:
    """Runs functions of a connection, each in a savepoint of a shared transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        take_over_transactions(engine)
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._busy_since: float | None = None
        # Why the newest commit failed, until one succeeds.
        self.fault: StoreError | None = None
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """The result of `work`, durable; what it raises rolls back its own part alone."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, loop, future))
        return await future

    @property
    def alive(self) -> bool:
        """Whether the thread runs; without it nobody is ever answered."""
        return self._thread.is_alive()

    @property
    def stuck(self) -> bool:
        """Whether the disk has not let a commit end for too long."""
        begun = self._busy_since
        return begun is not None and time.monotonic() - begun > _STUCK

    def close(self) -> None:
        """Finish what was handed in and end the thread."""
        self._jobs.put(None)
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while True:
            first = self._jobs.get()
            if first is None:
                return
            group = [first]
            ending = False
            while len(group) < _GROUP:
                try:
                    item = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    ending = True
                    break
                group.append(item)
            self._busy_since = time.monotonic()
            self._commit(group)
            self._busy_since = None
            if ending:
                return

    def _commit(self, group: list[_Job]) -> None:
        failed: StoreError | None = StoreError("The node's store failed; its log says more.", reason="store_fault")
        try:
            with self._engine.begin() as connection:
                for job in group:
                    self._do(connection, job)
            failed = None
        except sa.exc.DBAPIError as error:
            failed = StoreError(
                f"The node's store cannot be written: {_cause(error)}.",
                reason="store_unwritable",
                hint="Free space or look at the disk. Edges keep their events and send them again.",
            )
        finally:
            # Nothing of a failed group is on the disk: nobody may be told otherwise, and nobody waits for ever.
            self.fault = failed
            for job in group:
                job.error = failed or job.error
                job.loop.call_soon_threadsafe(_settle, job)

    @staticmethod
    def _do(connection: sa.Connection, job: _Job) -> None:
        try:
            with connection.begin_nested():
                job.result = job.work(connection)
        except GuardianError as error:
            job.error = error
        except sa.exc.IntegrityError as error:
            job.error = StoreError(f"The node's store refused a row: {error.orig}.", reason="store_refused")


def _cause(error: sa.exc.DBAPIError) -> BaseException | None:
    """What came first: a full disk ends the transaction, and then rolling back to its savepoint fails too."""
    first, seen = error.orig, error.__context__
    while seen is not None:
        if isinstance(seen, sa.exc.DBAPIError):
            first = seen.orig
        seen = seen.__context__
    return first


def _settle(job: _Job) -> None:
    if job.future.done():
        return
    if job.error is not None:
        job.future.set_exception(job.error)
    else:
        job.future.set_result(job.result)


def take_over_transactions(engine: sa.Engine) -> None:
    """Let SQLAlchemy, not the sqlite3 module, begin transactions: savepoints work only so."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
