"""The inventory of events, for browsers."""

import re
from datetime import datetime

from guardian.common.clock import from_text, to_text
from guardian.common.ids import parse_uuid7
from guardian.control.accounts.subject import Subject
from guardian.control.database.engine import Database, Row
from guardian.control.errors import ControlError, NotFound
from guardian.control.events.repository import EventFilter, EventRepository
from guardian.control.events.schemas import Event, EventObject, EventPage
from guardian.vault.encoding import b64u, from_b64u
from guardian.vault.errors import VaultError

__all__ = ["EventFilter", "EventService", "to_event"]
_CURSOR = re.compile(r"(?P<start>[0-9T:.Z-]{27}) (?P<id>[0-9a-f-]{36})")


class EventService:
    """A tenant's events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, subject: Subject, wanted: EventFilter, cursor: str | None, limit: int) -> EventPage:
        """Newest first; 400 `cursor_malformed`."""
        after = _read_cursor(cursor) if cursor else None
        async with self._database.tenant(subject.tenant_id) as scope:
            rows = await EventRepository(scope).page(wanted, after, limit + 1)
        items = [to_event(row) for row in rows[:limit]]
        return EventPage(items=items, next=_write_cursor(items[-1]) if len(rows) > limit else None)

    async def get(self, subject: Subject, event_id: str) -> Event:
        """One event; 404 `event_unknown`."""
        async with self._database.tenant(subject.tenant_id) as scope:
            row = await EventRepository(scope).get(event_id)
        if row is None:
            raise NotFound("There is no such event.", reason="event_unknown")
        return to_event(row)


def to_event(row: Row) -> Event:
    """A row as browsers see it."""
    return Event(
        id=row.id,
        revision=row.revision,
        edge_id=row.edge_id,
        camera_id=row.camera_id,
        camera_name=row.camera_name,
        label=row.label,
        start=row.started_at,
        end=row.ended_at,
        objects=[EventObject.model_validate(item) for item in row.objects],
        node_id=row.node_id,
        counter=row.counter,
    )


def _write_cursor(last: Event) -> str:
    return b64u(f"{to_text(last.start)} {last.id}".encode())


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        match = _CURSOR.fullmatch(from_b64u(cursor).decode("ascii"))
        if match is None:
            raise ValueError("form")
        return from_text(match["start"]), str(parse_uuid7(match["id"]))
    except (ValueError, VaultError):
        raise ControlError(
            "This page mark is not one of ours. Begin with the first page.", reason="cursor_malformed"
        ) from None
