"""One object's visit while it goes on: its path, its best picture, and when that is worth telling."""

import math
from dataclasses import dataclass, field, replace

from guardian.common.ids import uuid7
from guardian.edge.detectors.base import Box, Frame
from guardian.edge.tracking.geometry import touches_border

MAX_PATH = 600
# A picture must be clearly better before it replaces another, and not sooner than this: each one is sealed and sent.
_BETTER = 1.15
_PICTURE_SECONDS = 2.0
_CUT_OFF = 0.5


@dataclass(frozen=True, slots=True)
class Point:
    """Where the object was in one frame."""

    time: float
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame worth keeping and where the object is in it; `point` is None for motion, which has no box."""

    frame: Frame
    time: float
    point: Point | None
    quality: float


@dataclass(frozen=True)
class VisitState:
    """A visit at one moment, safe to hand to another thread."""

    id: str
    camera: str
    label: str
    start: float
    last_seen: float
    end: float | None
    top_score: float
    path: tuple[Point, ...]
    frame_width: int
    frame_height: int
    best: Picture | None


@dataclass
class Visit:
    """Grows frame by frame; `take` says when there is something to store."""

    camera: str
    label: str
    start: float
    last_seen: float
    id: str = field(default_factory=lambda: str(uuid7()))
    end: float | None = None
    top_score: float = 0.0
    frame_size: tuple[int, int] = (0, 0)
    path: list[Point] = field(default_factory=list)
    best: Picture | None = None
    _stride: int = 1
    _skipped: int = 0
    # What was handed out last: its picture, and when (in the frames' time).
    _told: VisitState | None = None
    _told_at: float = -math.inf

    def see(self, frame: Frame, point: Point) -> None:
        """The object in a frame."""
        self.last_seen = point.time
        self._note_frame(frame)
        self.top_score = max(self.top_score, point.score)
        self._extend_path(point)
        self._consider(Picture(frame, point.time, point, _quality(point)))

    def see_motion(self, frame: Frame, time: float, amount: float) -> None:
        """Something moved, whatever it is."""
        self.last_seen = time
        self._note_frame(frame)
        self._consider(Picture(frame, time, None, amount))

    def still_there(self, time: float) -> None:
        """Nothing changed in the picture: whoever stood there still does."""
        self.last_seen = max(self.last_seen, time)

    def finish(self, end: float) -> None:
        """The object has left."""
        self.end = self.last_seen = max(end, self.start)

    def take(self, *, force: bool = False) -> VisitState | None:
        """The state to store now, or None when nothing is new enough to be worth it."""
        improved = self._told is not None and self._told.best is not self.best
        due = improved and self.last_seen - self._told_at >= _PICTURE_SECONDS
        if not (force or self._told is None or self.end is not None or due):
            return None
        self._told, self._told_at = self.state(), self.last_seen
        return self._told

    def state(self) -> VisitState:
        """A copy as it is now."""
        width, height = self.frame_size
        return VisitState(
            self.id,
            self.camera,
            self.label,
            self.start,
            self.last_seen,
            self.end,
            self.top_score,
            tuple(self.path),
            width,
            height,
            self.best,
        )

    def _note_frame(self, frame: Frame) -> None:
        self.frame_size = (frame.shape[1], frame.shape[0])

    def _consider(self, picture: Picture) -> None:
        if self.best is None or picture.quality > self.best.quality * _BETTER:
            # The frame's memory belongs to whoever reads the next one into it.
            self.best = replace(picture, frame=picture.frame.copy())

    def _extend_path(self, point: Point) -> None:
        """Every `stride`-th point; when full every other one goes and the stride doubles: thinned evenly."""
        self._skipped += 1
        if self._skipped < self._stride:
            return
        self._skipped = 0
        self.path.append(point)
        if len(self.path) >= MAX_PATH:
            self.path = self.path[::2]
            self._stride *= 2


def _quality(point: Point) -> float:
    """Sure, large and whole: what a person wants to see."""
    whole = _CUT_OFF if touches_border(point.box) else 1.0
    return point.score * math.sqrt(max(point.box.area, 1e-6)) * whole
