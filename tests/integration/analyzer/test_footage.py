"""Real footage through real weights, where they are at hand: counted by eye before, held to it here."""

import itertools
import json
import math
from pathlib import Path

import pytest
from tests.analyzing.scenes import FPS, GREEN, RED, SIDE_BY_SIDE, SINGLE_VISITORS, WIDTH, Figure, draw, shapes_model
from tests.analyzing.scenes import models_at_hand as at_hand
from tools.evaluate_events import compare, events_of

from guardian.common.config import parse
from guardian.edge.analyzer.engine import wanted
from guardian.edge.analyzer.watch import CameraWatch
from guardian.edge.config import EdgeConfig
from guardian.edge.detectors.loading import load
from guardian.edge.events.visit import VisitState

# Half of each film: the other half is seen whole by tools/evaluate_events.py and the demo's own check.
UNTIL, CROWD_UNTIL = 72.0, 25.0
VISITORS = [(name, SINGLE_VISITORS) for name in at_hand()[:1] if SINGLE_VISITORS.is_file()]
CROWDS = [(name, SIDE_BY_SIDE) for name in at_hand()[:1] if SIDE_BY_SIDE.is_file()]
DRAWN = "shapes"


def settings(name: str, folder: Path) -> EdgeConfig:
    model = shapes_model(folder) if name == DRAWN else {"name": name}
    return parse(EdgeConfig, {"model": model, "detect": {"fps": FPS, "width": WIDTH}}, source="test")


def drawn_events(figures: list[Figure], seconds: float, folder: Path) -> list[VisitState]:
    """Events of a drawn film, as they ended."""
    used = settings(DRAWN, folder)
    detector, watch = load(wanted(used)), CameraWatch("front", used)
    latest: dict[str, VisitState] = {}
    for time, frame in draw(figures, seconds):
        seen = watch.see(frame, 1e6 + time, motion=True, detections=detector.detect(frame))
        latest |= {state.id: state for state in seen.states}
    latest |= {state.id: state for state in watch.end_all()}
    return list(latest.values())


@pytest.mark.parametrize(("name", "video"), [(DRAWN, Path()), *VISITORS], ids=lambda value: str(value)[-20:])
def test_every_single_visitor_is_one_event(name: str, video: Path, tmp_path: Path) -> None:
    if name == DRAWN:
        spans = [(1.0, 9.0), (12.0, 24.0), (28.0, 34.0)]
        figures = [
            Figure(RED, *spans[0], stands=(4.0, 6.0)),
            Figure(GREEN, *spans[1], hidden=(16.0, 18.0)),
            Figure(RED, *spans[2], enter=640, leave=-60),
        ]
        events = drawn_events(figures, 40, tmp_path)
        visits = {"video": "", "tolerance_s": 0.2, "visits": [{"start": low, "end": high} for low, high in spans]}
        found = [(state.start - 1e6, (state.end or 0.0) - 1e6) for state in events]
        report = compare(found, visits, "")
    else:
        visits = json.loads((video.parent / "visits.json").read_text())
        visits["visits"] = [visit for visit in visits["visits"] if visit["end"] < UNTIL]
        states = events_of(video, settings(name, tmp_path), offset=0.0, until=UNTIL)
        report = compare([(state.start, state.end or math.inf) for state in states], visits, video.name)
    assert (report["missed"], report["stray"]) == (0, 0)
    assert report["mean"] <= 1.1


@pytest.mark.parametrize(("name", "video"), [(DRAWN, Path()), *CROWDS], ids=lambda value: str(value)[-20:])
def test_people_who_walk_side_by_side_are_separate_events(name: str, video: Path, tmp_path: Path) -> None:
    if name == DRAWN:
        figures = [Figure(RED, 1.0, 9.0, enter=-60), Figure(GREEN, 1.0, 9.0, enter=-130, leave=570)]
        events = drawn_events(figures, 14, tmp_path)
        assert len(events) == 2
    else:
        events = events_of(video, settings(name, tmp_path), until=CROWD_UNTIL)
        # About a dozen people walk through in that time.
        assert 8 <= len(events) <= 16
    together = [pair for pair in itertools.combinations(events, 2) if seconds_together(*pair) >= 3.0]
    assert together


def seconds_together(one: VisitState, other: VisitState) -> float:
    """How long two are seen in the same frames within about a body's width of each other, both walking."""
    places = {point.time: point.box for point in other.path}
    shared = [(point.box, places[point.time]) for point in one.path if point.time in places]
    close = [pair for pair in shared if math.dist(pair[0].centre, pair[1].centre) < 0.12]
    if len(close) < 2 or math.dist(close[0][0].centre, close[-1][0].centre) < 0.1:
        return 0.0
    return len(close) / FPS
