"""Event summaries of a tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from guardian.control.database.engine import OpenScope, Row, Select, TenantScope
from guardian.control.database.tables import cameras, event_quarantine, events, objects


@dataclass(frozen=True)
class EventFilter:
    """What a page is narrowed to; `camera` is a camera id or `edge/camera`."""

    camera: str | None = None
    label: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class EventRepository:
    """Events, the objects they name, and what was put into quarantine."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    def _named(self) -> Select:
        camera = (cameras.c.tenant_id == events.c.tenant_id) & (cameras.c.edge_id == events.c.edge_id)
        camera &= cameras.c.id == events.c.camera_id
        name = sa.func.coalesce(cameras.c.name, events.c.camera_id).label("camera_name")
        return self._scope.select(events, *events.c, name).outerjoin(cameras, camera)

    async def page(self, wanted: EventFilter, after: tuple[datetime, str] | None, limit: int) -> Sequence[Row]:
        """Newest first, from behind `after` (start, id)."""
        query = self._named()
        if wanted.camera is not None:
            edge_id, _, camera_id = wanted.camera.rpartition("/")
            query = query.where(events.c.camera_id == camera_id)
            query = query.where(events.c.edge_id == edge_id) if edge_id else query
        if wanted.label is not None:
            query = query.where(events.c.label == wanted.label)
        if wanted.since is not None:
            query = query.where(events.c.started_at >= wanted.since)
        if wanted.until is not None:
            query = query.where(events.c.started_at < wanted.until)
        if after is not None:
            key = sa.tuple_(events.c.started_at, events.c.id)
            query = query.where(key < sa.tuple_(sa.literal(after[0]), sa.literal(after[1], events.c.id.type)))
        query = query.order_by(events.c.started_at.desc(), events.c.id.desc()).limit(limit)
        return await self._scope.rows(query)

    async def get(self, event_id: str) -> Row | None:
        """One event."""
        query = self._named().where(events.c.id == event_id)
        return await self._scope.row(query)

    async def since(self, counter: int, limit: int) -> Sequence[Row]:
        """Events that changed after this number, in that order."""
        query = self._named().where(events.c.counter > counter).order_by(events.c.counter).limit(limit)
        return await self._scope.rows(query)

    async def known(self, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Revision and node of those of the ids that are stored."""
        query = self._scope.select(events, events.c.id, events.c.revision, events.c.node_id)
        rows = await self._scope.rows(query.where(events.c.id.in_(ids)))
        return {row.id: (row.revision, row.node_id) for row in rows}

    async def put(self, rows: Sequence[dict[str, Any]]) -> None:
        """Insert, or replace an older revision by a newer of the same node."""
        statement = self._scope.insert_many(events, rows)
        update = {name: statement.excluded[name] for name in rows[0] if name not in ("id", "node_id")}
        newer = (events.c.revision < statement.excluded.revision) & (events.c.node_id == statement.excluded.node_id)
        upsert = statement.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=update, where=newer)
        await self._scope.run(upsert)

    async def put_objects(self, rows: Sequence[dict[str, Any]]) -> None:
        """Note where objects are; an object stays with the node it first came from."""
        await self._scope.run(self._scope.insert_many(objects, rows).on_conflict_do_nothing())

    async def quarantine(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep what has absurd times out of the inventory."""
        await self._scope.run(self._scope.insert_many(event_quarantine, rows).on_conflict_do_nothing())

    async def objects_at(self, node_id: str, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are objects of this node."""
        query = self._scope.select(objects, objects.c.id).where(objects.c.node_id == node_id, objects.c.id.in_(ids))
        return set(await self._scope.values(query))

    async def events_at(self, node_id: str, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are events of this node."""
        query = self._scope.select(events, events.c.id).where(events.c.node_id == node_id, events.c.id.in_(ids))
        return set(await self._scope.values(query))


class PartitionRepository:
    """Months of the events table."""

    def __init__(self, scope: OpenScope) -> None:
        self._scope = scope

    async def ensure(self, month: datetime) -> None:
        """Make the partition of a month; harmless when it is there."""
        await self._scope.run(sa.text("CALL guardian_events_partition(:at)").bindparams(at=month))
