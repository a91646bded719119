"""A tenant's live updates as a stream of text: resumable by its counter, ended cleanly."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from guardian.control.accounts.subject import Subject
from guardian.control.database.engine import Database, Row
from guardian.control.database.listen import Listener
from guardian.control.errors import Unauthenticated
from guardian.control.events.repository import EventRepository
from guardian.control.events.service import to_event
from guardian.control.tenants.repository import TenantRepository

HEARTBEAT = 15.0
# Whoever missed more than this loads its pages again: cheaper than a replay.
MAX_REPLAY = 1000
_BATCH = 200


class LiveService:
    """Streams; what they show is read from the tables, notifications only wake them."""

    def __init__(self, database: Database, listener: Listener, stopping: asyncio.Event) -> None:
        self._database = database
        self._listener = listener
        self._stopping = stopping

    async def stream(
        self, subject: Subject, last: str | int | None, check: Callable[[], Awaitable[object]]
    ) -> AsyncIterator[str]:
        """Text of Server-Sent Events until the session, the connection or the daemon ends."""
        with self._listener.subscribe(subject.tenant_id) as news:
            position, opening = await self._begin(subject.tenant_id, last)
            yield opening
            checked = time.monotonic()
            kinds = frozenset({"event"})
            while not self._stopping.is_set():
                if "event" in kinds:
                    async for number, text in self._events(subject.tenant_id, position):
                        position = number
                        yield text
                for kind in ("cameras", "roster"):
                    if kind in kinds:
                        yield f"event: {kind}\ndata: {{}}\n\n"
                kinds = await news.wait(HEARTBEAT)
                if time.monotonic() - checked >= HEARTBEAT:
                    checked = time.monotonic()
                    try:
                        await check()
                    except Unauthenticated:
                        return
                if not kinds:
                    yield ": still here\n\n"

    async def _begin(self, tenant_id: str, last: str | int | None) -> tuple[int, str]:
        """Where to go on from, and what to say first."""
        async with self._database.tenant(tenant_id) as scope:
            newest = await TenantRepository(scope).counter()
            if last is None:
                # An id without data is remembered and shown to nobody: the next connection can resume.
                return newest, f"retry: 2000\nid: {newest}\n\n"
            position = _number(last)
            behind = None
            if 0 <= position <= newest:
                behind = await EventRepository(scope).since(position, MAX_REPLAY + 1)
        if behind is None or len(behind) > MAX_REPLAY:
            return newest, f"retry: 2000\nevent: reset\nid: {newest}\ndata: {{}}\n\n"
        # Changes without a number may have been missed: they are looked up again.
        return position, "retry: 2000\nevent: cameras\ndata: {}\n\nevent: roster\ndata: {}\n\n"

    async def _events(self, tenant_id: str, position: int) -> AsyncIterator[tuple[int, str]]:
        full = True
        while full and not self._stopping.is_set():
            rows = await self._read(tenant_id, position)
            full = len(rows) == _BATCH
            for row in rows:
                position = row.counter
                yield position, f"event: event\nid: {position}\ndata: {to_event(row).model_dump_json()}\n\n"

    async def _read(self, tenant_id: str, position: int) -> Sequence[Row]:
        async with self._database.tenant(tenant_id) as scope:
            return await EventRepository(scope).since(position, _BATCH)


def _number(last: str | int) -> int:
    text = str(last)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else -1
