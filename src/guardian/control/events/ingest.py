"""Event summaries from nodes: checked, stored once, numbered for the live stream, committed before the answer."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from guardian.common.clock import now, to_text
from guardian.common.ids import is_camera_id, parse_hex_id, parse_uuid7, uuid7_time
from guardian.contracts.control.v1.control_pb2 import EventSummary, MediaKind, SealedObject
from guardian.control.database.engine import Database, TenantScope
from guardian.control.edges.repository import EdgeRepository
from guardian.control.events.repository import EventRepository, PartitionRepository
from guardian.control.nodes.repository import NodeRepository
from guardian.control.tenants.repository import TenantRepository

MAX_OBJECTS = 200
OLDEST = datetime(2020, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
# An edge makes the id when the visit begins; further apart, one of the two is not to be believed.
APART = timedelta(days=2)
_LABEL = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_KINDS = {
    MediaKind.MEDIA_KIND_CLIP: "clip",
    MediaKind.MEDIA_KIND_SNAPSHOT: "snapshot",
    MediaKind.MEDIA_KIND_THUMBNAIL: "thumbnail",
}


@dataclass(frozen=True)
class Refusal:
    """Why a summary was not taken; it need not be sent again."""

    reason: str
    sentence: str


MALFORMED = "The summary is not of the allowed form"
ABSURD = Refusal("absurd_time", "The event's times cannot be right; look at the edge's clock. It was set aside.")
FOREIGN = Refusal("event_foreign", "The event or its edge belongs to another node.")


class _Malformed(ValueError):
    """A summary that cannot be read."""


class IngestService:
    """The one writer of the inventory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._months: set[tuple[int, int]] = set()

    async def acknowledged(self, tenant_id: str, node_id: str) -> int | None:
        """Up to which of a node's positions its summaries are here; None before it was ever counted."""
        async with self._database.tenant(tenant_id) as scope:
            return await NodeRepository(scope).acknowledged(node_id)

    async def store(
        self, tenant_id: str, node_id: str, summaries: Sequence[EventSummary], acknowledged: int
    ) -> dict[int, Refusal]:
        """Commit a batch, which reaches up to the node's position `acknowledged`; index to refusal of those refused."""
        moment = now()
        refused: dict[int, Refusal] = {}
        absurd: list[dict[str, Any]] = []
        # Of several revisions in one batch the newest counts; the others were never to be seen.
        newest: dict[str, tuple[int, dict[str, Any]]] = {}
        for index, summary in enumerate(summaries):
            try:
                row = _row(summary, node_id, moment)
            except _Malformed as error:
                refused[index] = Refusal("malformed", f"{MALFORMED} ({error}).")
                continue
            if _is_absurd(row, moment):
                refused[index] = ABSURD
                absurd.append(_set_aside(summary, row))
                continue
            before = newest.get(row["id"])
            if before is None or before[1]["revision"] < row["revision"]:
                newest[row["id"]] = (index, row)
        await self._ensure_months(row["id"] for _, row in newest.values())
        async with self._database.tenant(tenant_id) as scope:
            refused |= await _write(scope, node_id, list(newest.values()))
            if absurd:
                await EventRepository(scope).quarantine(absurd)
            await NodeRepository(scope).acknowledge(node_id, acknowledged)
        return refused

    async def _ensure_months(self, ids: Any) -> None:
        """In a transaction of its own: making a partition locks the table."""
        for moment in {uuid7_time(uuid.UUID(event_id)) for event_id in ids}:
            month = (moment.year, moment.month)
            if month not in self._months:
                async with self._database.people() as scope:
                    await PartitionRepository(scope).ensure(moment)
                self._months.add(month)


async def _write(scope: TenantScope, node_id: str, rows: Sequence[tuple[int, dict[str, Any]]]) -> dict[int, Refusal]:
    if not rows:
        return {}
    repository = EventRepository(scope)
    known = await repository.known([row["id"] for _, row in rows])
    owners = await EdgeRepository(scope).owners()
    refused: dict[int, Refusal] = {}
    fresh: list[dict[str, Any]] = []
    for index, row in rows:
        revision, owner = known.get(row["id"], (-1, node_id))
        if owner != node_id or owners.get(row["edge_id"], node_id) != node_id:
            refused[index] = FOREIGN
        elif row["revision"] > revision:
            fresh.append(row)
    if not fresh:
        return refused
    # In one order, so that two batches cannot wait for each other.
    fresh.sort(key=lambda row: str(row["id"]))
    ids = sorted({item["id"] for row in fresh for item in row["objects"]})
    if ids:
        await repository.put_objects([{"id": object_id, "node_id": node_id} for object_id in ids])
    first = await TenantRepository(scope).take_numbers(len(fresh))
    await repository.put([{**row, "counter": first + offset} for offset, row in enumerate(fresh)])
    await scope.notify("event")
    return refused


def _row(summary: EventSummary, node_id: str, moment: datetime) -> dict[str, Any]:
    try:
        parse_uuid7(summary.id)
        parse_hex_id(summary.edge_id)
    except ValueError as error:
        raise _Malformed("id") from error
    if not is_camera_id(summary.camera_id):
        raise _Malformed("camera_id")
    if not _LABEL.fullmatch(summary.label):
        raise _Malformed("label")
    if len(summary.objects) > MAX_OBJECTS:
        raise _Malformed("objects")
    start = _time(summary, "start")
    if start is None:
        raise _Malformed("start")
    return {
        "id": summary.id,
        "revision": summary.revision,
        "node_id": node_id,
        "edge_id": summary.edge_id,
        "camera_id": summary.camera_id,
        "label": summary.label,
        "started_at": start,
        "ended_at": _time(summary, "end"),
        "objects": [_object(item) for item in summary.objects],
        "received_at": moment,
    }


def _object(item: SealedObject) -> dict[str, Any]:
    try:
        parse_hex_id(item.id)
    except ValueError as error:
        raise _Malformed("object id") from error
    if item.kind not in _KINDS:
        raise _Malformed("object kind")
    start, end = _time(item, "start"), _time(item, "end")
    return {
        "id": item.id,
        "kind": _KINDS[item.kind],
        "start": None if start is None else to_text(start),
        "end": None if end is None else to_text(end),
        "truncated": item.truncated,
    }


def _time(message: EventSummary | SealedObject, name: str) -> datetime | None:
    if not message.HasField(name):  # type: ignore[arg-type]
        return None
    stamp: Timestamp = getattr(message, name)
    try:
        moment: datetime = stamp.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise _Malformed(name) from error
    return moment


def _is_absurd(row: dict[str, Any], moment: datetime) -> bool:
    made, start, end = uuid7_time(uuid.UUID(row["id"])), row["started_at"], row["ended_at"]
    late = moment + AHEAD
    if not OLDEST <= made <= late or not OLDEST <= start <= late or abs(made - start) > APART:
        return True
    return end is not None and not start <= end <= late


def _set_aside(summary: EventSummary, row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in ("id", "revision", "node_id", "received_at")}
    return {**kept, "summary": MessageToDict(summary, preserving_proto_field_name=True)}
