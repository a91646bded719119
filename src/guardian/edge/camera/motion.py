"""The gate before the detector: a few thousand points of the luma plane against a slowly learnt background."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from guardian.edge.config import MotionConfig

_STEP = 8
_STILL = 5


def luma_points(frame: Any) -> NDArray[np.uint8]:
    """Every eighth point of every eighth line of a planar picture, uncopied as far as possible."""
    plane = frame.planes[0]
    lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return lines[: frame.height : _STEP, : frame.width : _STEP]


class MotionGate:
    """`moved(points)`: has enough of the picture changed?"""

    def __init__(self, settings: MotionConfig) -> None:
        self._settings = settings
        self._background: NDArray[np.float32] | None = None
        self._before: NDArray[np.float32] | None = None

    def moved(self, points: NDArray[np.uint8]) -> bool:
        """Compare with the background and learn; the first picture, and a change of light, teach it anew."""
        now = points.astype(np.float32)
        if self._background is None or self._background.shape != now.shape:
            self._background = now
            return False
        difference = now - self._background
        changed = int(np.count_nonzero(np.abs(difference) > self._settings.threshold))
        if changed >= now.size * self._settings.lightning_threshold:
            self._background = now
            return False
        alpha = np.full(now.shape, self._settings.frame_alpha, np.float32)
        if self._before is not None and self._before.shape == now.shape:
            # What has not changed since the last look is taken in faster: whoever left leaves no ghost for long.
            still = np.abs(now - self._before) <= self._settings.threshold / 2
            alpha[still] = min(1.0, self._settings.frame_alpha * _STILL)
        self._before = now
        self._background += difference * alpha
        return changed >= max(2.0, now.size * self._settings.area)
