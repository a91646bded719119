"""Who is who from frame to frame, by boxes and looks alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from guardian.edge.detectors.base import Box, Detection
from guardian.edge.tracking.appearance import Look
from guardian.edge.tracking.assignment import assign
from guardian.edge.tracking.track import Sighting, Track
from guardian.edge.tracking.tracker import Step, Tracker, TrackerSettings, has_moved

STEP = 0.2


def look(*shares: float) -> Look:
    return np.array([*shares, *[0.0] * (8 - len(shares))], np.float32)


DARK, BRIGHT = look(0.9, 0.1), look(0.0, 0.1, 0.9)


def person(x: float, y: float = 0.3, score: float = 0.8, worn: Look = DARK, activity: float = 0.1) -> Sighting:
    return Sighting(Detection("person", score, Box(x, y, 0.06, 0.3)), worn, activity)


class Film:
    """Feeds a tracker frame after frame and collects every track that was ever confirmed."""

    def __init__(self) -> None:
        self.tracker = Tracker(TrackerSettings(), min_score=lambda _: 0.4, threshold=lambda _: 0.5)
        self.time = 100.0
        self.confirmed: dict[int, Track] = {}
        self.ended: list[Track] = []

    def show(self, *sightings: Sighting) -> None:
        self.time += STEP
        self._note(self.tracker.update(self.time, sightings))

    def empty(self, frames: int) -> None:
        for _ in range(frames):
            self.show()

    def idle(self, seconds: float) -> None:
        self.time += seconds
        self._note(self.tracker.idle(self.time))

    def _note(self, step: Step) -> None:
        self.ended += step.ended
        self.confirmed |= {track.id: track for track in self.tracker.tracks if track.confirmed}


def walk(film: Film, start: float, end: float, frames: int, worn: Look = DARK) -> None:
    for x in np.linspace(start, end, frames):
        film.show(person(float(x), worn=worn))


def test_one_who_walks_through_is_one_object() -> None:
    film = Film()
    walk(film, 0.0, 0.94, 30)
    film.empty(10)
    assert len(film.confirmed) == len(film.ended) == 1
    assert has_moved(film.ended[0])


def test_a_blip_of_two_frames_is_nobody() -> None:
    film = Film()
    film.show(person(0.4))
    film.show(person(0.4))
    film.empty(40)
    assert not film.confirmed


def test_one_who_stands_still_for_minutes_is_one_object() -> None:
    film = Film()
    walk(film, 0.0, 0.5, 15)
    for _ in range(600):
        film.show(person(0.5, activity=0.0))
    film.idle(300)
    walk(film, 0.5, 0.94, 15)
    film.empty(20)
    assert len(film.ended) == 1


def test_missed_and_faint_detections_do_not_end_a_visit() -> None:
    film = Film()
    for number, x in enumerate(np.linspace(0.1, 0.9, 40)):
        if number % 5 == 4:
            film.show()
        else:
            film.show(person(float(x), score=0.25 if number % 3 == 2 else 0.8))
    assert len(film.confirmed) == 1


def test_faint_detections_alone_begin_nothing() -> None:
    film = Film()
    for _ in range(30):
        film.show(person(0.4, score=0.35))
    assert not film.confirmed


def test_two_side_by_side_are_two_objects_all_the_way() -> None:
    film = Film()
    for x in np.linspace(0.0, 0.85, 40):
        film.show(person(float(x)), person(float(x) + 0.07, worn=BRIGHT))
    assert len(film.confirmed) == 2


def test_two_who_cross_keep_their_looks() -> None:
    film = Film()
    for x in np.linspace(0.1, 0.8, 40):
        left, right = person(float(x)), person(0.9 - float(x), worn=BRIGHT)
        # Whoever is behind is not seen while they meet.
        film.show(*([left] if abs(0.9 - 2 * float(x)) < 0.04 else [left, right]))
    assert len(film.confirmed) == 2
    by_place = sorted(film.tracker.tracks, key=lambda track: track.box.x)
    assert by_place[0].look is not None
    assert by_place[0].look[2] > 0.5


def test_one_lost_behind_a_van_comes_back_as_the_same() -> None:
    film = Film()
    walk(film, 0.1, 0.4, 15)
    film.empty(10)
    walk(film, 0.6, 0.9, 15)
    assert len(film.confirmed) == 1


def test_another_who_appears_where_one_was_lost_is_another() -> None:
    film = Film()
    walk(film, 0.1, 0.4, 15)
    film.empty(8)
    walk(film, 0.45, 0.8, 15, worn=BRIGHT)
    assert len(film.confirmed) == 2


def test_one_who_left_by_the_border_has_left_and_the_next_is_new() -> None:
    film = Film()
    walk(film, 0.5, 0.94, 15)
    film.empty(7)
    assert len(film.ended) == 1
    walk(film, 0.94, 0.5, 15)
    assert len(film.confirmed) == 2


def test_a_second_box_on_the_same_person_is_no_second_person() -> None:
    film = Film()
    for x in np.linspace(0.2, 0.6, 20):
        inner = Sighting(Detection("person", 0.42, Box(float(x) + 0.01, 0.4, 0.04, 0.15)), DARK)
        film.show(person(float(x)), person(float(x) + 0.005, score=0.7), inner)
    assert len(film.confirmed) == 1


def test_what_never_stirs_is_no_visitor() -> None:
    film = Film()
    for _ in range(50):
        film.show(person(0.4, activity=0.0))
    (statue,) = film.confirmed.values()
    assert not has_moved(statue)


def test_labels_are_not_mixed() -> None:
    film = Film()
    for _ in range(10):
        film.show(person(0.4), Sighting(Detection("car", 0.8, Box(0.4, 0.3, 0.06, 0.3)), DARK))
    assert sorted(track.label for track in film.confirmed.values()) == ["car", "person"]


boxes = st.builds(Box, *[st.floats(0, 1)] * 4)
sightings = st.builds(
    Sighting,
    st.builds(Detection, st.sampled_from(["person", "car"]), st.floats(0, 1), boxes),
    st.none(),
    st.floats(0, 1),
)


@given(st.lists(st.tuples(st.floats(0, 50), st.lists(sightings, max_size=6)), max_size=12))
def test_no_detections_whatever_break_it(film: list[tuple[float, list[Sighting]]]) -> None:
    tracker = Tracker(TrackerSettings())
    time = 0.0
    for passed, shown in film:
        time += passed
        tracker.update(time, shown)
        assert all(track.last_seen <= time for track in tracker.tracks)
    assert all(track.confirmed for track in tracker.end_all().ended)


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_the_pairing_is_the_cheapest_there_is(rows: int, columns: int, data: st.DataObject) -> None:
    costs = data.draw(arrays(np.float64, (rows, columns), elements=st.integers(0, 20).map(float)))
    pairs = assign(costs, 100.0)
    assert len(pairs) == min(rows, columns)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert sum(costs[pair] for pair in pairs) == pytest.approx(_cheapest(costs))


def _cheapest(costs: np.ndarray) -> float:
    if costs.shape[0] > costs.shape[1]:
        costs = costs.T
    if not costs.shape[0]:
        return 0.0
    rest = range(costs.shape[1])
    return min(float(costs[0, column]) + _cheapest(np.delete(costs[1:], column, axis=1)) for column in rest)
