"""Where a picture has changed since the one before: tells a visitor from a parked car or a statue."""

import cv2
import numpy as np
from numpy.typing import NDArray

from guardian.edge.detectors.base import Box, Frame
from guardian.edge.tracking.geometry import iou

_GRID = (192, 108)
_CHANGE = 22
_SAME = 0.7


class Activity:
    """One camera's changes, on a coarse grid."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None
        self._changed: NDArray[np.bool_] = np.zeros((_GRID[1], _GRID[0]), np.bool_)

    def see(self, frame: Frame) -> None:
        """Take the next frame."""
        grid = cv2.cvtColor(cv2.resize(frame, _GRID, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        now: NDArray[np.uint8] = np.asarray(grid, np.uint8)
        if self._before is not None:
            self._changed = cv2.absdiff(now, self._before) > _CHANGE
        self._before = now

    @property
    def share(self) -> float:
        """How much of the picture changed, 0 to 1."""
        return float(self._changed.mean())

    def within(self, box: Box, others: list[Box]) -> float:
        """The share of the box that changed; what lies in `others` does not count: somebody passes a parked car."""
        rows, columns = _slices(box)
        part = self._changed[rows, columns]
        if not part.size:
            return 0.0
        overlapping = [other for other in others if 0 < iou(box, other) < _SAME]
        if overlapping:
            part = part.copy()
            for other in overlapping:
                other_rows, other_columns = _slices(other)
                part[
                    max(other_rows.start - rows.start, 0) : max(other_rows.stop - rows.start, 0),
                    max(other_columns.start - columns.start, 0) : max(other_columns.stop - columns.start, 0),
                ] = False
        return float(part.mean())


def _slices(box: Box) -> tuple[slice, slice]:
    width, height = _GRID
    left, top = int(box.x * width), int(box.y * height)
    return slice(top, max(int(np.ceil(box.bottom * height)), top + 1)), slice(
        left, max(int(np.ceil(box.right * width)), left + 1)
    )
