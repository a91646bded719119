"""One camera as the analyzer watches it: what is tracked, which visits go on, what of them is to be stored."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from guardian.edge.config import EdgeConfig
from guardian.edge.detectors.base import Detection, Frame
from guardian.edge.events.visit import Point, Visit, VisitState
from guardian.edge.tracking.activity import Activity
from guardian.edge.tracking.appearance import look_at
from guardian.edge.tracking.track import Sighting, Track
from guardian.edge.tracking.tracker import Step, Tracker, TrackerSettings, has_moved

MOTION = "motion"
# Detections below this are noise even to the tracker; those between it and min_score keep a track alive.
FAINT = 0.2
# An object that has not stirred for so long is watched on, but no longer recorded: it may be a parked car.
STILL_SECONDS = 60.0
# Recording is asked for at least so far ahead: a shorter post-roll would run out between two askings, clip by clip.
AHEAD_SECONDS = 1.5
# A clock that stepped back, or a gap this long: what was tracked has nothing to do with what comes.
_GAP_SECONDS = 120.0


@dataclass(frozen=True)
class Seen:
    """What a frame led to: states to store, and until when the camera is to record (0: as it likes)."""

    states: list[VisitState]
    record_until: float = 0.0


class CameraWatch:
    """Call from one thread."""

    def __init__(self, camera: str, settings: EdgeConfig, labels: Iterable[str] = ()) -> None:
        self.camera = camera
        self._settings = settings
        self.labels_asked = tuple(labels)
        self._labels = frozenset(self.labels_asked) or frozenset(settings.objects.track)
        seconds = settings.detect.max_disappeared / settings.detect.fps
        self._quiet_seconds = seconds
        self._tracker = Tracker(
            TrackerSettings(
                min_initialized=settings.detect.min_initialized,
                max_disappeared=seconds,
                leave_seconds=min(1.2, seconds),
                faint=FAINT,
            ),
            min_score=lambda label: settings.objects.filter(label).min_score,
            threshold=lambda label: settings.objects.filter(label).threshold,
        )
        self._activity = Activity()
        self._visits: dict[int, Visit] = {}
        self._motion: Visit | None = None
        self._time = -math.inf

    def looks_for(self, labels: tuple[str, ...]) -> bool:
        """Whether this is what a camera asks for."""
        return self.labels_asked == labels

    @property
    def live(self) -> list[Visit]:
        """Visits that go on."""
        return [*self._visits.values(), *([self._motion] if self._motion else [])]

    def see(self, frame: Frame, time: float, *, motion: bool, detections: list[Detection] | None) -> Seen:
        """Take a frame; `detections` is None when there is no detector: then motion itself makes the events."""
        states = self._begin(time)
        if detections is None:
            states += self._take_all(self._finish(self._tracker.end_all()))
            states += self._see_motion(frame, time, motion)
        else:
            states += self._end_motion()
            states += self._see_objects(frame, time, detections)
        return Seen(states, self._record_until(time))

    def idle(self, time: float) -> Seen:
        """The camera says: nothing has changed since the last frame."""
        states = self._begin(time)
        ended = self._finish(self._tracker.idle(time))
        for track in self._tracker.tracks:
            if track.visible and track.id in self._visits:
                self._visits[track.id].still_there(track.last_seen)
        states += self._take_all(ended)
        states += self._close_quiet_motion(time)
        return Seen(states, self._record_until(time))

    def end_all(self) -> list[VisitState]:
        """The camera has gone, or this daemon stops: visits end when their objects were last seen."""
        states = self._take_all(self._finish(self._tracker.end_all()))
        return states + self._end_motion()

    def _begin(self, time: float) -> list[VisitState]:
        """The clock's jumps end what was followed."""
        backwards, gap = time < self._time - 1.0, time > self._time + _GAP_SECONDS
        self._time = time
        return self.end_all() if backwards or gap else []

    def _see_objects(self, frame: Frame, time: float, detections: list[Detection]) -> list[VisitState]:
        self._activity.see(frame)
        wanted = [item for item in detections if self._is_wanted(item)]
        boxes = [item.box for item in detections if item.score >= 0.3]
        sightings = [
            Sighting(item, look_at(frame, item.box), self._activity.within(item.box, boxes)) for item in wanted
        ]
        ended = self._finish(self._tracker.update(time, sightings))
        for track in self._tracker.tracks:
            if track.confirmed and track.visible and (track.id in self._visits or has_moved(track)):
                self._visit_of(track).see(frame, Point(time, track.box, track.score))
        return self._take_all(ended) + self._take_all(self._visits.values())

    def _is_wanted(self, item: Detection) -> bool:
        if item.label not in self._labels or item.score < FAINT:
            return False
        return item.box.area >= self._settings.objects.filter(item.label).min_area

    def _visit_of(self, track: Track) -> Visit:
        visit = self._visits.get(track.id)
        if visit is None:
            visit = self._visits[track.id] = Visit(self.camera, track.label, track.start, track.last_seen)
        return visit

    def _finish(self, step: Step) -> list[Visit]:
        ended = [(track, self._visits.pop(track.id, None)) for track in step.ended]
        for track, visit in ended:
            if visit is not None:
                visit.finish(track.last_seen)
        return [visit for _, visit in ended if visit is not None]

    def _see_motion(self, frame: Frame, time: float, motion: bool) -> list[VisitState]:
        if not motion:
            return self._close_quiet_motion(time)
        if self._motion is None:
            self._motion = Visit(self.camera, MOTION, time, time)
        self._activity.see(frame)
        self._motion.see_motion(frame, time, self._activity.share)
        return self._take_all([self._motion])

    def _close_quiet_motion(self, time: float) -> list[VisitState]:
        if self._motion is None or time - self._motion.last_seen <= self._quiet_seconds:
            return []
        return self._end_motion()

    def _end_motion(self) -> list[VisitState]:
        if self._motion is None:
            return []
        ended, self._motion = self._motion, None
        ended.finish(ended.last_seen)
        return self._take_all([ended])

    def _take_all(self, visits: Iterable[Visit]) -> list[VisitState]:
        return [state for visit in visits if (state := visit.take()) is not None]

    def _record_until(self, time: float) -> float:
        moving = [track for track in self._tracker.tracks if track.id in self._visits and _stirs(track, time)]
        if not moving and self._motion is None:
            return 0.0
        return time + max(self._settings.record.post_capture, AHEAD_SECONDS)


def _stirs(track: Track, time: float) -> bool:
    return time - max(track.last_active, track.start) <= STILL_SECONDS
