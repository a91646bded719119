"""Events as browsers see them: no boxes, no scores; those are the node's to give."""

from typing import Literal

from pydantic import Field

from guardian.control.schemas import (
    HEX_EXAMPLE,
    TIME_EXAMPLE,
    UUID_EXAMPLE,
    CameraId,
    Hex,
    Message,
    Time,
    Uuid7,
    example,
)

Kind = Literal["clip", "snapshot", "thumbnail"]
_OBJECT = {"id": HEX_EXAMPLE, "kind": "clip", "start": TIME_EXAMPLE, "end": TIME_EXAMPLE, "truncated": False}
EVENT_EXAMPLE = {
    "id": UUID_EXAMPLE,
    "revision": 3,
    "edge_id": HEX_EXAMPLE,
    "camera_id": "front",
    "camera_name": "Front door",
    "label": "person",
    "start": TIME_EXAMPLE,
    "end": TIME_EXAMPLE,
    "objects": [_OBJECT],
    "node_id": HEX_EXAMPLE,
    "counter": 42,
}


class EventObject(Message):
    """A sealed object of an event."""

    id: Hex
    kind: Kind
    start: Time | None
    end: Time | None = Field(description="null while the clip is being recorded")
    truncated: bool


class Event(Message):
    """One visit of one object."""

    model_config = example(EVENT_EXAMPLE)

    id: Uuid7
    revision: int
    edge_id: Hex
    camera_id: CameraId
    camera_name: str
    label: str
    start: Time
    end: Time | None
    objects: list[EventObject]
    node_id: Hex
    counter: int = Field(description="The tenant's live counter at this revision: the id in the event stream.")


class EventPage(Message):
    """Newest first; `next` is the cursor of the page after."""

    model_config = example({"items": [EVENT_EXAMPLE], "next": "MjAyNi0wMS0zMQ"})

    items: list[Event]
    next: str | None
