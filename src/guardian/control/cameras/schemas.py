"""Cameras as browsers see them."""

from typing import Literal

from guardian.control.schemas import HEX_EXAMPLE, TIME_EXAMPLE, CameraId, Hex, Message, Time, example

State = Literal["ok", "waiting", "degraded", "failed"]
_CAMERA = {
    "id": "front",
    "edge_id": HEX_EXAMPLE,
    "edge_name": "Hallway box",
    "name": "Front door",
    "state": "ok",
    "reason": "",
    "sentence": "Recording.",
    "fps": 15.0,
    "width": 1920,
    "height": 1080,
    "codec": "h264",
    "last_frame": TIME_EXAMPLE,
    "recording": True,
    "online": True,
}


class Camera(Message):
    """State as last reported; `online` says whether that report is fresh."""

    model_config = example(_CAMERA)

    id: CameraId
    edge_id: Hex
    edge_name: str
    name: str
    state: State
    reason: str
    sentence: str
    fps: float
    width: int
    height: int
    codec: str
    last_frame: Time | None
    recording: bool
    online: bool
