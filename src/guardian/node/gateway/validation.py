"""What the node accepts as an event: signed by the edge that sends it, whole, and of this world.

A refusal is for good and says why; the edge keeps what was refused and goes on with the next.
"""

import datetime as dt
import math
from collections.abc import Iterable

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from guardian.common import ids
from guardian.common.clock import now
from guardian.common.errors import GuardianError
from guardian.contracts.edge.v1 import edge_pb2
from guardian.node.gateway.store import NewEvent
from guardian.vault.errors import VaultError
from guardian.vault.messages import verify_event_by_key

MAX_EVENT = 256 << 10
MAX_OBJECTS = 256
MAX_PATH = 600
MAX_REVISION = 1_000_000
MAX_SIDE = 16_384
_BEGIN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_AHEAD = dt.timedelta(hours=1)
_LONGEST = dt.timedelta(days=7)
# Boxes are 32-bit floats: x + width may round just above 1.
_ROUNDING = 1e-4


class EventRefused(GuardianError):
    """An event this node will never take."""


def check(signed: edge_pb2.SignedEvent, edge_id: str, sign_public: bytes, household: str) -> NewEvent:
    """The event's key fields, all of it checked; EventRefused otherwise. `household` may be '' while unknown."""
    if len(signed.event) > MAX_EVENT:
        raise EventRefused(f"The event is larger than {MAX_EVENT >> 10} KiB.", reason="event_too_large")
    try:
        verify_event_by_key(sign_public, signed.event, signed.signature)
    except VaultError:
        raise EventRefused(
            "The event's signature is not that of the edge which sent it.", reason="event_signature"
        ) from None
    try:
        event = edge_pb2.Event.FromString(signed.event)
    except DecodeError:
        raise _malformed("it cannot be parsed") from None
    _check_names(event, edge_id, household)
    _check_times(event)
    _check_objects(event)
    _check_picture(event)
    return NewEvent(event.id, event.revision, tuple(item.id for item in event.objects), signed.event, signed.signature)


def _check_names(event: edge_pb2.Event, edge_id: str, household: str) -> None:
    if event.edge_id != edge_id:
        raise EventRefused("The event names another edge than the one which sent it.", reason="event_foreign")
    if not _is_hex_id(event.household_id):
        raise _malformed("its household is no id")
    if household and event.household_id != household:
        raise EventRefused("The event belongs to another household.", reason="event_foreign")
    if not ids.is_camera_id(event.camera_id):
        raise _malformed("its camera is no camera id")
    if not 1 <= len(event.label) <= 64 or not event.label.isprintable():
        raise _malformed("its label has no text of 1 to 64 characters")
    if event.revision > MAX_REVISION:
        raise _malformed("its revision is absurd")


def _check_times(event: edge_pb2.Event) -> None:
    try:
        made = ids.uuid7_time(ids.parse_uuid7(event.id))
    except (ValueError, OverflowError, OSError):
        raise _malformed("its id is no UUIDv7") from None
    latest = now() + _AHEAD
    if not event.HasField("start"):
        raise _malformed("it has no start")
    start = _time(event.start)
    if not (_BEGIN <= start <= latest and _BEGIN <= made <= latest):
        raise EventRefused(
            "The event's time is absurd; the edge's clock is wrong.",
            reason="event_time",
            hint="Set the clock of the edge.",
        )
    if event.HasField("end"):
        _check_end(start, event.end, latest)


def _check_end(start: dt.datetime, end: Timestamp, latest: dt.datetime) -> None:
    moment = _time(end)
    if not start <= moment <= latest or moment - start > _LONGEST:
        raise EventRefused("The event ends before it begins, or absurdly late.", reason="event_time")


def _check_objects(event: edge_pb2.Event) -> None:
    if len(event.objects) > MAX_OBJECTS:
        raise _malformed(f"it names more than {MAX_OBJECTS} objects")
    latest = now() + _AHEAD
    for item in event.objects:
        if not _is_hex_id(item.id) or item.kind not in (1, 2, 3):
            raise _malformed("one of its objects has no id or kind")
        if not item.HasField("start"):
            raise _malformed("one of its objects has no start")
        start = _time(item.start)
        if not _BEGIN <= start <= latest:
            raise EventRefused("One of the event's objects has an absurd time.", reason="event_time")
        if item.HasField("end"):
            _check_end(start, item.end, latest)


def _check_picture(event: edge_pb2.Event) -> None:
    if len(event.path) > MAX_PATH:
        raise _malformed(f"its path has more than {MAX_PATH} points")
    if event.frame_width > MAX_SIDE or event.frame_height > MAX_SIDE:
        raise _malformed("its frame is absurdly large")
    best = [event.best] if event.HasField("best") else []
    scores = [event.top_score, *_check_boxes([*event.path, *best])]
    if not all(0.0 <= score <= 1.0 for score in scores):
        raise EventRefused("A score lies outside 0 to 1.", reason="event_box")


def _check_boxes(detections: Iterable[edge_pb2.Detection]) -> Iterable[float]:
    for item in detections:
        box = item.box
        sides = (box.x, box.y, box.width, box.height)
        if not all(math.isfinite(side) and 0.0 <= side <= 1.0 + _ROUNDING for side in sides):
            raise EventRefused("A box lies outside the picture.", reason="event_box")
        if box.x + box.width > 1.0 + _ROUNDING or box.y + box.height > 1.0 + _ROUNDING:
            raise EventRefused("A box lies outside the picture.", reason="event_box")
        yield item.score


def _time(stamp: Timestamp) -> dt.datetime:
    try:
        return stamp.ToDatetime(dt.UTC)
    except (ValueError, OverflowError):
        raise EventRefused("The event's time is no time.", reason="event_time") from None


def _is_hex_id(text: str) -> bool:
    try:
        ids.parse_hex_id(text)
    except ValueError:
        return False
    return True


def _malformed(what: str) -> EventRefused:
    return EventRefused(f"The event is malformed: {what}.", reason="event_malformed")
