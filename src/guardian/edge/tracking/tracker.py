"""Follows several objects through missed detections, low scores, standing still and short occlusions.

Two stages of association as in ByteTrack (Zhang et al. 2022): sure detections first, then faint ones for the tracks
still without; what was lost comes back by place and look.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from guardian.edge.detectors.base import Box
from guardian.edge.tracking.appearance import unlikeness
from guardian.edge.tracking.assignment import assign
from guardian.edge.tracking.geometry import containment, distance, iou, size_ratio
from guardian.edge.tracking.track import Sighting, Track

# How far (geometry.distance) an object may be from where it was expected, and how unlike (appearance.unlikeness).
_NEAR, _UNLIKE = 1.0, 0.75
_LOST_NEAR, _LOST_SPEED, _LOST_UNLIKE = 1.0, 0.5, 0.5
_FAINT_IOU = 0.25
_DUPLICATE_IOU, _FRAGMENT = 0.65, 0.85
# A gap this long makes a track "lost": it no longer competes with the visible ones for detections.
_LOST_AFTER = 1.0
_MOVED = 0.6
_ACTIVE_SHARE = 0.02


@dataclass(frozen=True)
class TrackerSettings:
    """Frames and seconds; `min_score` and `threshold` by label are asked of callables."""

    min_initialized: int = 3
    max_disappeared: float = 5.0
    leave_seconds: float = 1.2
    faint: float = 0.2


@dataclass(frozen=True)
class Step:
    """What a frame changed: tracks that are over. They are as they were last seen."""

    ended: list[Track]


class Tracker:
    """The objects of one camera."""

    def __init__(
        self,
        settings: TrackerSettings,
        *,
        min_score: Callable[[str], float] = lambda _label: 0.5,
        threshold: Callable[[str], float] = lambda _label: 0.6,
    ) -> None:
        self._settings = settings
        self._min_score, self._threshold = min_score, threshold
        self._tracks: list[Track] = []
        self._next_id = 1

    @property
    def tracks(self) -> Sequence[Track]:
        """All that are not over, tentative ones too."""
        return self._tracks

    def update(self, time: float, sightings: Sequence[Sighting]) -> Step:
        """Take what one frame shows."""
        kept = _without_duplicates(sightings)
        ended: list[Track] = []
        for label in {item.detection.label for item in kept} | {track.label for track in self._tracks}:
            mine = [track for track in self._tracks if track.label == label]
            self._associate(time, label, mine, [item for item in kept if item.detection.label == label])
        ended = self._expire(time)
        return Step(ended)

    def idle(self, time: float) -> Step:
        """Nothing changed since the last frame: what was visible is still there, what was lost ages."""
        for track in self._tracks:
            if track.confirmed and track.visible:
                track.last_seen = max(track.last_seen, time)
                track.velocity = (0.0, 0.0)
        return Step(self._expire(time))

    def end_all(self) -> Step:
        """The camera is gone: nothing can be followed any more."""
        ended, self._tracks = [track for track in self._tracks if track.confirmed], []
        return Step(ended)

    def _associate(self, time: float, label: str, tracks: list[Track], sightings: list[Sighting]) -> None:
        floor = self._min_score(label)
        sure = [item for item in sightings if item.detection.score >= floor]
        faint = [item for item in sightings if self._settings.faint <= item.detection.score < floor]
        present = [track for track in tracks if time - track.last_seen <= _LOST_AFTER]
        lost = [track for track in tracks if time - track.last_seen > _LOST_AFTER]
        present, sure = self._pair(time, present, sure, _near_cost, 1.0, sure=True)
        present, faint = self._pair(time, present, faint, _faint_cost, 1.0 - _FAINT_IOU, sure=False)
        # Those just missed may also have jumped, as the lost may have: crossing paths hide people for a moment.
        missing, sure = self._pair(time, lost + present, sure, _lost_cost, 1.0, sure=True)
        self._pair(time, [track for track in missing if track in lost], faint, _faint_cost, 0.5, sure=False)
        for track in tracks:
            if track.last_seen < time:
                track.misses += 1
        for sighting in sure:
            self._begin(time, sighting)

    def _pair(
        self,
        time: float,
        tracks: list[Track],
        sightings: list[Sighting],
        cost: Callable[[float, Track, Sighting], float],
        limit: float,
        *,
        sure: bool,
    ) -> tuple[list[Track], list[Sighting]]:
        """Pair and update; returns what is left of both."""
        costs = np.array([[cost(time, track, item) for item in sightings] for track in tracks], np.float64)
        pairs = assign(costs.reshape(len(tracks), len(sightings)), limit)
        for row, column in pairs:
            self._see(tracks[row], time, sightings[column], sure=sure)
        rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
        return (
            [track for index, track in enumerate(tracks) if index not in rows],
            [item for index, item in enumerate(sightings) if index not in columns],
        )

    def _see(self, track: Track, time: float, sighting: Sighting, *, sure: bool) -> None:
        track.see(time, sighting, sure=sure)
        _note_activity(track, time, sighting)
        if not track.confirmed and track.hits >= self._settings.min_initialized:
            track.confirmed = track.typical_score >= self._threshold(track.label)

    def _begin(self, time: float, sighting: Sighting) -> None:
        seen = sighting.detection
        track = Track(self._next_id, seen.label, time, time, seen.box, seen.box, seen.score, sighting.look)
        track.scores.append(seen.score)
        _note_activity(track, time, sighting)
        self._next_id += 1
        self._tracks.append(track)

    def _expire(self, time: float) -> list[Track]:
        over = [track for track in self._tracks if self._is_over(track, time)]
        self._tracks = [track for track in self._tracks if track not in over]
        return [track for track in over if track.confirmed]

    def _is_over(self, track: Track, time: float) -> bool:
        away = time - track.last_seen
        if not track.confirmed:
            return track.misses > 2 or away > _LOST_AFTER
        return away > (self._settings.leave_seconds if track.leaving() else self._settings.max_disappeared)


def has_moved(track: Track) -> bool:
    """Whether it is a visitor and not part of the scene: something stirs in it, or it is not where it was."""
    return track.active_frames >= 2 or track.furthest >= _MOVED


def _note_activity(track: Track, time: float, sighting: Sighting) -> None:
    track.furthest = max(track.furthest, distance(track.first_box, sighting.detection.box))
    if sighting.activity >= _ACTIVE_SHARE:
        track.active_frames += 1
        track.last_active = time


def _near_cost(time: float, track: Track, item: Sighting) -> float:
    """Mostly place, a little look: two who walk side by side differ in both."""
    expected, box = track.predict(time), item.detection.box
    away = distance(expected, box)
    overlap = max(iou(expected, box), iou(track.box, box))
    unlike = _unlike(track, item)
    if overlap < 0.1 and (away > _NEAR or unlike > _UNLIKE):
        return 2.0
    return 0.55 * (1 - overlap) + 0.25 * min(away / _NEAR, 1.0) + 0.19 * unlike


def _faint_cost(time: float, track: Track, item: Sighting) -> float:
    box = item.detection.box
    return 1 - max(iou(track.predict(time), box), iou(track.box, box), 0.9 * _part_of(track, box))


def _lost_cost(time: float, track: Track, item: Sighting) -> float:
    """Somebody lost from sight is sought further away the longer it lasts, but must look alike and be as large."""
    box = item.detection.box
    reach = _LOST_NEAR + _LOST_SPEED * (time - track.last_seen)
    away = min(distance(track.predict(time), box), distance(track.box, box))
    unlike = _unlike(track, item)
    if away > reach or unlike > _LOST_UNLIKE or size_ratio(track.box, box) < 0.2 or track.leaving():
        return 2.0
    return 0.5 * away / reach + 0.5 * unlike / _LOST_UNLIKE


def _unlike(track: Track, item: Sighting) -> float:
    return 0.3 if track.look is None or item.look is None else unlikeness(track.look, item.look)


def _part_of(track: Track, box: Box) -> float:
    """Half hidden objects are found as a part of themselves."""
    return containment(box, track.box) if size_ratio(box, track.box) > 0.25 else 0.0


def _without_duplicates(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Drop second boxes for the same object: nearly the same box, or a much fainter one inside it."""
    kept: list[Sighting] = []
    for item in sorted(sightings, key=lambda item: -item.detection.score):
        same = [other for other in kept if other.detection.label == item.detection.label]
        if not any(_is_duplicate(item, other) for other in same):
            kept.append(item)
    return kept


def _is_duplicate(item: Sighting, better: Sighting) -> bool:
    box, outer = item.detection.box, better.detection.box
    if iou(box, outer) >= _DUPLICATE_IOU:
        return True
    return containment(box, outer) >= _FRAGMENT and item.detection.score < 0.6 * better.detection.score
