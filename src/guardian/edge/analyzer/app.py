"""HTTP on `RUN_DIR/analyzer/health.sock`: health, metrics, and detection for whoever may open the socket."""

from typing import Annotated

import cv2
import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.responses import Response

from guardian.common.errors import GuardianError
from guardian.common.health import Health
from guardian.edge.analyzer.engine import Engine
from guardian.edge.detectors.base import Detection, Frame

MAX_BYTES = 8 << 20
MAX_PIXELS = 24_000_000
# Start-of-frame markers: those with a size in them (C4, C8 and CC are tables).
_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


class ImageError(GuardianError):
    """A picture that cannot be looked at."""


class Found(BaseModel):
    """One detection; the box is relative to the picture: 0..1, origin top left."""

    label: str
    score: float
    x: float
    y: float
    width: float
    height: float


class Answer(BaseModel):
    """What `POST /detect` answers."""

    model: str
    device: str
    detections: Annotated[list[Found], Field(max_length=1000)]


def make_app(health: Health, engine: Engine) -> FastAPI:
    """The daemon's HTTP side. No docs pages: they would load scripts from elsewhere."""
    app = FastAPI(title="guardian-analyzer", docs_url=None, redoc_url=None, routes=[*health.routes()])

    @app.exception_handler(ImageError)
    async def refused(_: Request, error: ImageError) -> Response:
        status = {"too_large": 413, "no_detector": 503}.get(error.reason, 422)
        return JSONResponse({"reason": error.reason, "sentence": str(error)}, status)

    @app.post("/detect")
    async def detect(request: Request) -> Answer:
        """Objects in a JPEG, sent as the body."""
        frame = decode(await _body(request))
        found = await engine.run(lambda: engine.detect(frame))
        detector = engine.detector
        if found is None or detector is None:
            raise ImageError(
                "There is no detector model on this edge.", reason="no_detector", hint="Run: guardian model fetch"
            )
        return Answer(model=detector.model, device=detector.device, detections=[_found(item) for item in found])

    return app


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BYTES:
            raise ImageError("The picture is larger than 8 MiB.", reason="too_large")
    return bytes(data)


def decode(data: bytes) -> Frame:
    """A JPEG's picture; ImageError for what is not one, or would fill the memory."""
    size = jpeg_size(data)
    if size is None:
        raise ImageError("This is not a JPEG picture.", reason="not_jpeg")
    if min(size) < 16 or size[0] * size[1] > MAX_PIXELS:
        raise ImageError(f"A picture of {size[0]} x {size[1]} is not looked at.", reason="image_size")
    frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if frame is None:
        raise ImageError("This JPEG picture is damaged.", reason="image_damaged")
    return np.asarray(frame, np.uint8)


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from a JPEG's markers, before anything is decoded; None when it has none."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _SIZES:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _found(item: Detection) -> Found:
    box = item.box
    return Found(label=item.label, score=item.score, x=box.x, y=box.y, width=box.width, height=box.height)
