"""`gateway/node.db`: opening it, and its events and objects. The gateway alone writes it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from guardian.common.clock import now, to_text
from guardian.common.database import migrate_sqlite, open_sqlite
from guardian.common.files import private_folder
from guardian.node.gateway.bell import Bell
from guardian.node.gateway.writer import Writer

T = TypeVar("T")
_MIGRATIONS = "guardian.node.gateway:migrations"

_PUT_EVENT = """
    INSERT INTO events (id, revision, position, edge_id, event, signature, received_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, position = excluded.position, event = excluded.event,
      signature = excluded.signature, received_at = excluded.received_at
    WHERE excluded.revision > events.revision AND excluded.edge_id = events.edge_id"""
# The first edge that names an object has it: another edge cannot divert its readers.
_PUT_OBJECT = "INSERT INTO objects (id, edge_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
# It may fall: an edge that was restored from a backup counts from there again.
_ACKNOWLEDGE = """
    INSERT INTO acknowledged (edge_id, position) VALUES (?, ?)
    ON CONFLICT (edge_id) DO UPDATE SET position = excluded.position"""


@dataclass(frozen=True)
class NewEvent:
    """An event that was checked: its own fields beside the signed bytes."""

    id: str
    revision: int
    objects: tuple[str, ...]
    event: bytes
    signature: bytes


@dataclass(frozen=True)
class StoredEvent:
    """A row; `position` rises with each revision."""

    position: int
    edge_id: str
    event: bytes
    signature: bytes


class Store:
    """The database with its one writer thread; `events_bell` rings after each commit that brought events."""

    def __init__(self, folder: Path) -> None:
        private_folder(folder, mode=0o750)
        path = folder / "node.db"
        engine = open_sqlite(path)
        migrate_sqlite(engine, _MIGRATIONS)
        engine.dispose()
        self.writer = Writer(open_sqlite(path))
        self._reader = open_sqlite(path, read_only=True)
        self.events_bell = Bell()

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """The result of `work` on a connection that cannot write."""

        def call() -> T:
            with self._reader.connect() as connection:
                return work(connection)

        return await asyncio.to_thread(call)

    def close(self) -> None:
        """Commit what is waiting and close."""
        self.writer.close()
        self._reader.dispose()

    async def put_events(self, edge_id: str, events: Sequence[NewEvent], acknowledged: int) -> None:
        """Durable when this returns. Of two revisions the newer wins, a repeat changes nothing.

        Args:
            acknowledged: the position in the edge's outbox that all this reaches up to.
        """
        moment = to_text(now())

        def work(connection: sa.Connection) -> None:
            position = connection.exec_driver_sql("SELECT coalesce(max(position), 0) FROM events").scalar_one()
            rows = [
                (item.id, item.revision, position + count, edge_id, item.event, item.signature, moment)
                for count, item in enumerate(events, 1)
            ]
            objects = [(name, edge_id) for item in events for name in item.objects]
            if rows:
                connection.exec_driver_sql(_PUT_EVENT, rows)
            if objects:
                connection.exec_driver_sql(_PUT_OBJECT, objects)
            connection.exec_driver_sql(_ACKNOWLEDGE, (edge_id, acknowledged))

        await self.writer.run(work)
        if events:
            self.events_bell.ring()

    async def acknowledged(self, edge_id: str) -> int | None:
        """The position in an edge's outbox up to which its events are here; None before it was ever counted."""

        def work(connection: sa.Connection) -> int | None:
            query = "SELECT position FROM acknowledged WHERE edge_id = ?"
            found: int | None = connection.exec_driver_sql(query, (edge_id,)).scalar_one_or_none()
            return found

        return await self.read(work)

    async def newest_position(self) -> int:
        """The position of the event that came last; 0 for none."""
        query = "SELECT coalesce(max(position), 0) FROM events"
        return await self.read(lambda connection: int(connection.exec_driver_sql(query).scalar_one()))

    async def events_after(self, position: int, limit: int) -> list[StoredEvent]:
        """Events in the order of their positions; a superseded revision is not among them."""
        query = "SELECT position, edge_id, event, signature FROM events WHERE position > ? ORDER BY position LIMIT ?"

        def work(connection: sa.Connection) -> list[StoredEvent]:
            return [StoredEvent(*row) for row in connection.exec_driver_sql(query, (position, limit))]

        return await self.read(work)

    async def event(self, event_id: str) -> StoredEvent | None:
        """The newest revision of an event."""
        query = "SELECT position, edge_id, event, signature FROM events WHERE id = ?"

        def work(connection: sa.Connection) -> StoredEvent | None:
            row = connection.exec_driver_sql(query, (event_id,)).one_or_none()
            return StoredEvent(*row) if row else None

        return await self.read(work)

    async def object_holder(self, object_id: str) -> str | None:
        """Id of the edge that holds an object, as its events said."""

        def work(connection: sa.Connection) -> str | None:
            query = "SELECT edge_id FROM objects WHERE id = ?"
            found: str | None = connection.exec_driver_sql(query, (object_id,)).scalar_one_or_none()
            return found

        return await self.read(work)
