"""What is stored waits here in order and is written by one thread; a disk that refuses is tried again, not skipped."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from guardian.common import log
from guardian.common.database import open_sqlite
from guardian.common.errors import GuardianError, StoreError
from guardian.common.health import Health
from guardian.common.retry import Backoff

_MAX_WAITING = 5000
_log = log.get(__name__)
Job = Callable[[], object]


class Writer:
    """A queue of jobs for the event store."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._jobs: asyncio.Queue[Job] = asyncio.Queue(_MAX_WAITING)
        self._pool = ThreadPoolExecutor(1, "write")

    def put(self, job: Job) -> None:
        """Have a job done after those before it."""
        try:
            self._jobs.put_nowait(job)
        except asyncio.QueueFull:
            _log.error("event_dropped", reason="queue_full")
            self._health.set(
                "store", "failed", "Events were lost: the disk has refused them for too long.", reason="queue_full"
            )

    async def run(self, stopping: asyncio.Event) -> None:
        """Until stopped; what waits then is left to `drain`."""
        while not stopping.is_set():
            job = await self._jobs.get()
            await self._do(job, stopping)

    async def drain(self, stopping: asyncio.Event) -> None:
        """Do what still waits, each once."""
        while not self._jobs.empty():
            await self._do(self._jobs.get_nowait(), stopping)
        self._pool.shutdown(wait=True)

    async def _do(self, job: Job, stopping: asyncio.Event) -> None:
        backoff = Backoff(initial=0.5, maximum=10)
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self._pool, job)
            except StoreError as error:
                if self._health.set("store", "failed", str(error), reason=error.reason):
                    _log.error("store_failed", reason=error.reason, sentence=str(error))
                if await backoff.wait(stopping):
                    _log.error("event_dropped", reason=error.reason)
                    return
            except GuardianError as error:
                _log.error("event_dropped", reason=error.reason, sentence=str(error))
                return
            else:
                self._health.set("store", "ok", "Events are stored.")
                return


def acknowledged(state_dir: Path) -> int:
    """The outbox position the uplink publishes as acknowledged by the node; 0 when it has published none."""
    path = state_dir / "uplink" / "uplink.db"
    if not path.is_file():
        return 0
    engine = open_sqlite(path, read_only=True)
    try:
        with engine.connect() as connection:
            found = connection.execute(sa.text("SELECT position FROM cursor WHERE name = 'events'")).scalar()
            return int(found or 0)
    except sa.exc.DatabaseError:
        # Not there yet, or being made: the outbox is trimmed another time.
        return 0
    finally:
        engine.dispose()
