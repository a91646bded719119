"""The Event message: made of a visit, its pictures and its clips, and signed by the edge."""

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from guardian.contracts.edge.v1.edge_pb2 import (
    OBJECT_KIND_CLIP,
    OBJECT_KIND_SNAPSHOT,
    OBJECT_KIND_THUMBNAIL,
    BoundingBox,
    Detection,
    Event,
    ObjectRef,
)
from guardian.edge.events.store import StoredClip, StoredPicture
from guardian.edge.events.visit import Point, VisitState
from guardian.edge.identity import Identity
from guardian.vault.messages import sign_event

_PICTURES = {"snapshot": OBJECT_KIND_SNAPSHOT, "thumbnail": OBJECT_KIND_THUMBNAIL}


@dataclass(frozen=True)
class Belongings:
    """The sealed objects of one event."""

    pictures: Iterable[StoredPicture]
    clips: Iterable[StoredClip]


def stamp(seconds: float) -> Timestamp:
    """Wall-clock seconds, to the microsecond."""
    micros = round(seconds * 1_000_000)
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1000)


def compose(visit: VisitState, household: str, edge: str, belongings: Belongings, revision: int) -> Event:
    """A revision of a visit that was seen by this process."""
    event = Event(
        id=visit.id,
        revision=revision,
        household_id=household,
        edge_id=edge,
        camera_id=visit.camera,
        label=visit.label,
        top_score=visit.top_score,
        start=stamp(visit.start),
        end=None if visit.end is None else stamp(visit.end),
        path=[_detection(point) for point in visit.path],
        frame_width=visit.frame_width,
        frame_height=visit.frame_height,
        best=_detection(visit.best.point) if visit.best and visit.best.point else None,
    )
    event.objects.extend(_references(belongings))
    return event


def revise(message: bytes, belongings: Belongings, revision: int, end: float | None) -> Event:
    """The next revision of a stored event: other objects, and an end if it had none."""
    event = Event.FromString(message)
    event.revision = revision
    if end is not None:
        event.end.CopyFrom(stamp(end))
    del event.objects[:]
    event.objects.extend(_references(belongings))
    return event


def sign(event: Event, identity: Identity) -> tuple[bytes, bytes]:
    """Serialised event and the edge's signature over it."""
    data = event.SerializeToString(deterministic=True)
    return data, sign_event(identity.keys, data)


def _references(belongings: Belongings) -> list[ObjectRef]:
    clips = [
        ObjectRef(
            id=clip.id,
            kind=OBJECT_KIND_CLIP,
            start=stamp(clip.start),
            end=stamp(clip.reach) if clip.closed else None,
            truncated=clip.truncated,
        )
        for clip in belongings.clips
    ]
    shown = [
        ObjectRef(id=item.object_id, kind=_PICTURES[item.kind], start=stamp(item.start), end=stamp(item.start))
        for item in belongings.pictures
    ]
    return clips + shown


def _detection(point: Point) -> Detection:
    box = point.box
    return Detection(
        time=stamp(point.time),
        box=BoundingBox(x=box.x, y=box.y, width=box.width, height=box.height),
        score=point.score,
    )
