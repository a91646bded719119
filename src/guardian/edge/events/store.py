"""`analyzer/events.db`: events, what belongs to them, and the outbox the uplink reads. The analyzer alone writes it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from guardian.common.database import migrate_sqlite, open_sqlite
from guardian.common.errors import StoreError
from guardian.edge.events.tables import clips, event_clips, events, outbox, pictures

MIGRATIONS = "guardian.edge.events:migrations"


@dataclass(frozen=True)
class StoredEvent:
    """One event as the store holds it; `message` is the newest serialised Event."""

    id: str
    camera: str
    label: str
    start: float
    last_seen: float
    end: float | None
    top_score: float
    revision: int
    message: bytes


@dataclass(frozen=True)
class StoredClip:
    """A camera's clip. `reach` is its end, or while it is recorded its last durable second."""

    id: str
    camera: str
    start: float
    reach: float
    closed: bool
    truncated: bool


@dataclass(frozen=True)
class StoredPicture:
    """A sealed snapshot or thumbnail; `path` is relative to the objects' folder."""

    object_id: str
    event_id: str
    kind: str
    path: str
    start: float


class EventStore:
    """Synchronous: call it from one thread that may wait for the disk."""

    def __init__(self, path: Path) -> None:
        self._engine = open_sqlite(path)
        migrate_sqlite(self._engine, MIGRATIONS)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def save(
        self, event: StoredEvent, signature: bytes, clip_ids: Iterable[str], new_pictures: Sequence[StoredPicture]
    ) -> int:
        """Store a revision and put it into the outbox, in one transaction; the outbox position."""
        row = {name: getattr(event, name) for name in StoredEvent.__dataclass_fields__}
        with self._writing() as connection:
            statement = insert(events).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
            for clip_id in clip_ids:
                pair = {"event_id": event.id, "clip_id": clip_id}
                connection.execute(insert(event_clips).values(pair).on_conflict_do_nothing())
            if new_pictures:
                connection.execute(
                    pictures.update().where(pictures.c.event_id == event.id).values(deleted=True),
                )
                connection.execute(sa.insert(pictures), [{**vars(item), "deleted": False} for item in new_pictures])
            result = connection.execute(
                sa.insert(outbox).values(
                    event_id=event.id, revision=event.revision, event=event.message, signature=signature
                )
            )
            return int(result.lastrowid)

    def touch(self, event_id: str, last_seen: float) -> None:
        """Note when the object was last seen, so that a restart knows when the event ended."""
        with self._writing() as connection:
            connection.execute(events.update().where(events.c.id == event_id).values(last_seen=last_seen))

    def event(self, event_id: str) -> StoredEvent | None:
        """One event."""
        found = self._events(events.c.id == event_id)
        return found[0] if found else None

    def open_events(self) -> list[StoredEvent]:
        """Events without an end."""
        return self._events(events.c.end.is_(None))

    def query(
        self,
        *,
        camera: str = "",
        label: str = "",
        since: float | None = None,
        until: float | None = None,
        limit: int = 100,
    ) -> list[StoredEvent]:
        """Events that begin in [since, until), newest first."""
        wanted = [
            *([events.c.camera == camera] if camera else []),
            *([events.c.label == label] if label else []),
            *([events.c.start >= since] if since is not None else []),
            *([events.c.start < until] if until is not None else []),
        ]
        return self._events(*wanted, order=events.c.start.desc(), limit=limit)

    def overlapping(self, camera: str, start: float, end: float) -> list[StoredEvent]:
        """A camera's events that share time with [start, end]; open ones last until they were last seen."""
        reach = sa.func.coalesce(events.c.end, events.c.last_seen)
        return self._events(events.c.camera == camera, events.c.start <= end, reach >= start)

    def note_clip(self, clip: StoredClip) -> bool:
        """Store what a camera says of a clip; True when it is new, or was closed or marked truncated since."""
        with self._writing() as connection:
            before = connection.execute(sa.select(clips).where(clips.c.id == clip.id)).mappings().first()
            values = {name: getattr(clip, name) for name in StoredClip.__dataclass_fields__}
            statement = insert(clips).values(values)
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
        if before is None:
            return True
        closed_now = clip.closed and (not before["closed"] or before["reach"] != clip.reach)
        return closed_now or clip.truncated != before["truncated"]

    def clips_between(self, camera: str, start: float, end: float) -> list[StoredClip]:
        """A camera's clips that share time with [start, end]."""
        wanted = sa.select(clips).where(clips.c.camera == camera, clips.c.start <= end, clips.c.reach >= start)
        with self._reading() as connection:
            rows = connection.execute(wanted.order_by(clips.c.start, clips.c.id)).mappings()
            return [StoredClip(**row) for row in rows]

    def pictures_of(self, event_id: str) -> list[StoredPicture]:
        """An event's pictures, without those superseded."""
        return self._pictures(pictures.c.event_id == event_id, pictures.c.deleted.is_(False))

    def doomed_pictures(self) -> list[StoredPicture]:
        """Pictures whose row says deleted: their files go next."""
        return self._pictures(pictures.c.deleted.is_(True))

    def forget_pictures(self, object_ids: Sequence[str]) -> None:
        """Their files are gone for good."""
        with self._writing() as connection:
            connection.execute(pictures.delete().where(pictures.c.object_id.in_(object_ids)))

    def expire(self, before: float) -> int:
        """Doom the pictures of events that ended before, then drop events and clips without pictures left; how many."""
        old = sa.select(events.c.id).where(events.c.end < before)
        with self._writing() as connection:
            connection.execute(pictures.update().where(pictures.c.event_id.in_(old)).values(deleted=True))
            bare = events.delete().where(events.c.end < before, events.c.id.not_in(sa.select(pictures.c.event_id)))
            gone = connection.execute(bare).rowcount
            connection.execute(
                clips.delete().where(clips.c.reach < before, clips.c.id.not_in(sa.select(event_clips.c.clip_id)))
            )
            return gone

    def trim_outbox(self, position: int) -> int:
        """Drop what the node has acknowledged, up to and including `position`; how many.

        The newest revision of an event that is still kept stays: a node restored from a backup asks for it again.
        """
        newest = sa.select(sa.func.max(outbox.c.position)).join(events, events.c.id == outbox.c.event_id)
        done = outbox.delete().where(
            outbox.c.position <= position, outbox.c.position.not_in(newest.group_by(outbox.c.event_id))
        )
        with self._writing() as connection:
            return connection.execute(done).rowcount

    def outbox_rows(self, after: int = 0) -> list[tuple[int, str, int, bytes, bytes]]:
        """(position, event id, revision, event, signature) as the uplink reads them."""
        with self._reading() as connection:
            wanted = sa.select(outbox).where(outbox.c.position > after).order_by(outbox.c.position)
            return [tuple(row) for row in connection.execute(wanted)]

    def _events(self, *wanted: Any, order: Any = None, limit: int | None = None) -> list[StoredEvent]:
        statement = sa.select(events).where(*wanted).order_by(events.c.start if order is None else order).limit(limit)
        with self._reading() as connection:
            return [StoredEvent(**row) for row in connection.execute(statement).mappings()]

    def _pictures(self, *wanted: Any) -> list[StoredPicture]:
        columns = [column for column in pictures.c if column.name != "deleted"]
        with self._reading() as connection:
            return [
                StoredPicture(**row)
                for row in connection.execute(sa.select(*columns).where(*wanted).order_by(pictures.c.kind)).mappings()
            ]

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with _explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with _explained(), self._engine.connect() as connection:
            yield connection


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sa.exc.DatabaseError as error:
        raise StoreError(
            f"The event store cannot be written or read: {error.orig}.",
            reason="store_unusable",
            hint="Look at the free space and the health of the disk.",
        ) from error
