"""Things to look at: drawn for the small detector, real for real weights when they are at hand."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tools.detector.build import write
from tools.evaluate_events import frames

from guardian.edge.detectors.base import Frame
from guardian.edge.models.catalogue import catalogue
from guardian.edge.models.library import Library

WIDTH, HEIGHT, FPS = 640, 360, 5.0
RED, GREEN, BLUE, YELLOW = (0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255)
FOOTAGE = Path(__file__).resolve().parents[3] / "shared" / "video"
SINGLE_VISITORS = FOOTAGE / "one-by-one-person-detection.mp4"
SIDE_BY_SIDE = FOOTAGE / "vtest.avi"


@functools.cache
def background() -> Frame:
    """Textured, grey, without a saturated colour."""
    noise = np.random.default_rng(7).integers(70, 150, (HEIGHT // 4, WIDTH // 4), np.uint8)
    grey = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


@dataclass(frozen=True)
class Figure:
    """A rectangle that walks from `enter` to `leave` (left edge, pixels) between two times; it may stand in between."""

    colour: tuple[int, int, int]
    start: float
    end: float
    enter: float = -60
    leave: float = WIDTH
    top: int = 120
    size: tuple[int, int] = (60, 150)
    stands: tuple[float, float] = (0.0, 0.0)
    hidden: tuple[float, float] = (0.0, 0.0)

    def draw(self, frame: Frame, time: float) -> None:
        """Put it where it is."""
        if not self.start <= time < self.end or self.hidden[0] <= time < self.hidden[1]:
            return
        still = max(min(time, self.stands[1]) - self.stands[0], 0.0) if self.stands[1] else 0.0
        walked = (time - self.start - still) / (self.end - self.start - (self.stands[1] - self.stands[0]))
        left = round(self.enter + walked * (self.leave - self.enter))
        corner = (left + self.size[0] - 1, self.top + self.size[1] - 1)
        cv2.rectangle(frame, (left, self.top), corner, self.colour, -1)


def draw(figures: list[Figure], seconds: float, fps: float = FPS) -> Iterator[tuple[float, Frame]]:
    """Times and frames of a drawn film."""
    for number in range(int(seconds * fps)):
        frame = background().copy()
        for figure in figures:
            figure.draw(frame, number / fps)
        yield number / fps, frame


@dataclass(frozen=True)
class Scene:
    """One person's visit, and the model that can see it."""

    name: str
    model: Callable[[Path], dict[str, Any]]
    film: Callable[[], Iterator[tuple[float, Frame]]]
    seconds: float
    settings: dict[str, Any] = field(default_factory=dict)


def shapes_model(folder: Path) -> dict[str, Any]:
    """The `model` section for the small detector."""
    return {"path": str(write(folder / "shapes.onnx")), "threads": 1}


def _drawn() -> Scene:
    walker = Figure(RED, 1.0, 9.0, stands=(4.0, 6.0))
    return Scene("shapes", shapes_model, lambda: draw([walker], 12.0), 12.0)


def _real(name: str) -> Scene:
    def film() -> Iterator[tuple[float, Frame]]:
        for time, frame in frames(SINGLE_VISITORS, FPS, WIDTH):
            if time >= 21.0:
                return
            yield time, frame

    return Scene(name, lambda _folder: {"name": name, "threads": 1}, film, 21.0)


def models_at_hand() -> list[str]:
    """Trained models of the catalogue that are on this machine."""
    found = Library(Path("nowhere")).list_models()
    return [item.entry.name for item in found if item.condition == "good"]


def scenes() -> list[Scene]:
    """The drawn one always, the real one when footage and the default model are here."""
    real = [catalogue().default.name] if SINGLE_VISITORS.is_file() else []
    return [_drawn(), *(_real(name) for name in real if name in models_at_hand())]
