"""What every detector is: a frame in, labelled boxes out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Box:
    """Relative to the picture: 0..1, origin top left."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Share of the picture."""
        return self.width * self.height

    @property
    def right(self) -> float:
        """Right border."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Lower border."""
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box."""
        return self.x + self.width / 2, self.y + self.height / 2

    def clipped(self) -> "Box":
        """The part inside the picture."""
        left, top = min(max(self.x, 0.0), 1.0), min(max(self.y, 0.0), 1.0)
        right, bottom = min(max(self.right, 0.0), 1.0), min(max(self.bottom, 0.0), 1.0)
        return Box(left, top, right - left, bottom - top)


@dataclass(frozen=True, slots=True)
class Detection:
    """One object in one frame."""

    label: str
    score: float
    box: Box


class Detector(Protocol):
    """Finds objects in a frame. Not safe for two threads at once."""

    @property
    def model(self) -> str:
        """Name of the model, for people."""
        ...

    @property
    def device(self) -> str:
        """Where it runs: CPU, GPU."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels it can give."""
        ...

    def detect(self, frame: Frame) -> list[Detection]:
        """Objects in a BGR frame (height, width, 3), best score first."""
        ...
