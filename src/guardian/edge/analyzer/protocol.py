"""What a camera daemon may say to the analyzer, checked: see "Inside the edge" in ARCHITECTURE.md."""

from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from guardian.common.errors import PeerError
from guardian.common.ids import is_camera_id
from guardian.edge.detectors.base import Frame

# Wall-clock seconds up to the year 2286: keeps absurd times out of the store and its texts.
Seconds = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]
MAX_SIDE = 8192


def _camera_id(value: str) -> str:
    if not is_camera_id(value):
        raise ValueError("not a camera's id")
    return value


class Message(BaseModel):
    """Fields this release does not know are ignored: a newer camera daemon may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Hello(Message):
    """First on every connection. `labels`: what to look for there; empty: as configured."""

    camera: Annotated[str, AfterValidator(_camera_id)]
    name: Annotated[str, Field(max_length=64)] = ""
    labels: tuple[Annotated[str, Field(max_length=64)], ...] = ()


class FrameHead(Message):
    """One picture; its bytes are the payload."""

    seq: Annotated[int, Field(ge=0)]
    time: Seconds
    width: Annotated[int, Field(ge=16, le=MAX_SIDE)]
    height: Annotated[int, Field(ge=16, le=MAX_SIDE)]
    motion: bool


class ClipNote(Message):
    """A clip of this camera: begun, longer, or closed."""

    id: Annotated[str, Field(pattern=r"\A[0-9a-f]{32}\z")]
    start: Seconds
    end: Seconds | None
    closed: bool
    truncated: bool

    @model_validator(mode="after")
    def _ordered(self) -> "ClipNote":
        if self.end is not None and self.end < self.start:
            raise ValueError("the clip ends before it begins")
        return self


class MotionNote(Message):
    """Motion recorded while the analyzer was away."""

    start: Seconds
    end: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> "MotionNote":
        if self.end < self.start:
            raise ValueError("the motion ends before it begins")
        return self


class Idle(Message):
    """Nothing has changed since the last frame."""

    time: Seconds


TYPES: dict[str, type[Message]] = {
    "hello": Hello,
    "frame": FrameHead,
    "clip": ClipNote,
    "motion": MotionNote,
    "idle": Idle,
}


def parse(header: dict[str, Any], payload: bytes) -> Message:
    """The message a header stands for; PeerError when it is not one."""
    model = TYPES.get(header["type"])
    if model is None:
        raise PeerError("A camera daemon sent a message of an unknown type.", reason="ipc_unknown")
    try:
        message = model.model_validate(header)
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in item["loc"]) or "form" for item in error.errors()[:4])
        raise PeerError(
            f"A camera daemon sent a message of type {header['type']} that is wrong in: {fields}.",
            reason="ipc_malformed",
        ) from error
    expected = message.width * message.height * 3 if isinstance(message, FrameHead) else 0
    if len(payload) != expected:
        raise PeerError("A camera daemon sent a picture of another size than it said.", reason="ipc_malformed")
    return message


def picture(head: FrameHead, payload: bytes) -> Frame:
    """The BGR picture of a frame message, without copying."""
    return np.frombuffer(payload, np.uint8).reshape(head.height, head.width, 3)
