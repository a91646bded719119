"""One object over time: where it is, where it goes, what it looks like, how sure we are."""

from collections import deque
from dataclasses import dataclass, field
from statistics import median

from guardian.edge.detectors.base import Box, Detection
from guardian.edge.tracking.appearance import Look, blend
from guardian.edge.tracking.geometry import moved, touches_side

# Beyond this a straight line says nothing any more about where somebody walks.
PREDICT_SECONDS = 1.0
_VELOCITY_WEIGHT = 0.4
_SCORES_KEPT = 15


@dataclass(frozen=True, slots=True)
class Sighting:
    """A detection, its look, and how much of its box had changed since the frame before."""

    detection: Detection
    look: Look | None = None
    activity: float = 0.0


@dataclass
class Track:
    """An object as far as it is known. Times are wall-clock seconds."""

    id: int
    label: str
    start: float
    last_seen: float
    box: Box
    first_box: Box
    score: float
    look: Look | None = None
    hits: int = 1
    misses: int = 0
    confirmed: bool = False
    velocity: tuple[float, float] = (0.0, 0.0)
    # Frames in which something changed inside its box, and the furthest it got from where it was first seen.
    active_frames: int = 0
    last_active: float = 0.0
    furthest: float = 0.0
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=_SCORES_KEPT))

    @property
    def visible(self) -> bool:
        """Whether the newest frame showed it."""
        return self.misses == 0

    @property
    def typical_score(self) -> float:
        """Median of the latest scores: one lucky frame does not make a person."""
        return median(self.scores)

    def predict(self, time: float) -> Box:
        """Where it should be at `time`."""
        ahead = min(max(time - self.last_seen, 0.0), PREDICT_SECONDS)
        return moved(self.box, self.velocity[0] * ahead, self.velocity[1] * ahead)

    def see(self, time: float, sighting: Sighting, *, sure: bool) -> None:
        """Take a sighting. `sure` ones (of a good score) also teach the look and count towards confirmation."""
        box = sighting.detection.box
        passed = time - self.last_seen
        if passed > 0:
            self._learn_velocity(box, passed)
        self.box, self.last_seen, self.misses, self.score = box, time, 0, sighting.detection.score
        self.scores.append(sighting.detection.score)
        if sure:
            self.hits += 1
            if sighting.look is not None:
                self.look = sighting.look if self.look is None else blend(self.look, sighting.look)

    def leaving(self) -> bool:
        """Last seen cut by the left or right border and not heading back in."""
        if not touches_side(self.box):
            return False
        towards_left = self.box.centre[0] < 0.5
        return self.velocity[0] <= 0.02 if towards_left else self.velocity[0] >= -0.02

    def _learn_velocity(self, box: Box, passed: float) -> None:
        (ax, ay), (bx, by) = self.box.centre, box.centre
        vx, vy = (bx - ax) / passed, (by - ay) / passed
        weight = _VELOCITY_WEIGHT if self.hits > 1 else 1.0
        self.velocity = (
            self.velocity[0] + weight * (vx - self.velocity[0]),
            self.velocity[1] + weight * (vy - self.velocity[1]),
        )
