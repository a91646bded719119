"""Events against visits: plays a video through detector, tracker and event life cycle, faster than it was filmed.

    python tools/evaluate_events.py VIDEO [--visits FILE] [--model NAME | --path FILE.onnx] [--label person] [--json]

Prints each event, and with --visits how many events each visit counted by eye became. The motion gate is not part of
it: every frame at `--fps` is looked at.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from guardian.common.config import parse
from guardian.edge.analyzer.engine import wanted
from guardian.edge.analyzer.watch import CameraWatch
from guardian.edge.config import EdgeConfig
from guardian.edge.detectors.base import Frame
from guardian.edge.detectors.loading import load
from guardian.edge.events.visit import VisitState

Visits = dict[str, Any]


def frames(video: Path, fps: float, width: int) -> Iterator[tuple[float, Frame]]:
    """Times in seconds from the start, and BGR frames no wider than `width`."""
    with av.open(str(video)) as container:
        due = 0.0
        for picture in container.decode(video=0):
            moment = float(picture.time or 0.0)
            if moment + 1e-6 < due:
                continue
            due = max(due + 1 / fps, moment)
            scale = min(width / picture.width, 1.0)
            wide, high = round(picture.width * scale), round(picture.height * scale)
            yield moment, np.asarray(picture.to_ndarray(format="bgr24", width=wide, height=high), np.uint8)


def events_of(
    video: Path, settings: EdgeConfig, *, offset: float = 1_000_000.0, until: float = math.inf
) -> list[VisitState]:
    """All events of a video's first `until` seconds, as they ended, in order of their start."""
    detector = load(wanted(settings))
    watch = CameraWatch("video", settings)
    latest: dict[str, VisitState] = {}
    for moment, frame in frames(video, settings.detect.fps, settings.detect.width):
        if moment >= until:
            break
        seen = watch.see(frame, moment + offset, motion=True, detections=detector.detect(frame))
        latest |= {state.id: state for state in seen.states}
    latest |= {state.id: state for state in watch.end_all()}
    return sorted(latest.values(), key=lambda state: state.start)


def compare(events: list[tuple[float, float]], visits: Visits, video: str) -> dict[str, Any]:
    """Events (start, end) against visits: how many overlap each, which were missed, which fit none."""
    tolerance = float(visits["tolerance_s"])
    if visits["video"] != video:
        raise SystemExit(f"These visits are of {visits['video']}, not of {video}.")
    spans = [(item["start"] - tolerance, item["end"] + tolerance) for item in visits["visits"]]
    counts = [sum(start < high and end > low for start, end in events) for low, high in spans]
    stray = [event for event in events if not any(event[0] < high and event[1] > low for low, high in spans)]
    return {
        "visits": len(spans),
        "events": len(events),
        "events_a_visit": [*counts],
        "mean": round(sum(counts) / len(counts), 3),
        "missed": counts.count(0),
        "stray": len(stray),
    }


def main() -> int:
    """Exit status 1 when visits were given and one was missed, or the mean is above 1.1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--visits", type=Path)
    parser.add_argument("--model", default="")
    parser.add_argument("--path", type=Path)
    parser.add_argument("--label", default="person")
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    raw = {
        "detect": {"fps": given.fps, "width": given.width},
        "model": {"name": given.model, "path": given.path and str(given.path)},
        "objects": {"track": [given.label]},
    }
    began = time.monotonic()
    states = events_of(given.video, parse(EdgeConfig, raw, source="the command line"), offset=0.0)
    spans = [(state.start, state.end or state.last_seen) for state in states]
    report: dict[str, Any] = {
        "video": given.video.name,
        "seconds": round(time.monotonic() - began, 1),
        "spans": [[round(start, 1), round(end, 1)] for start, end in spans],
    }
    if given.visits:
        report |= compare(spans, json.loads(given.visits.read_text("utf-8")), given.video.name)
    if given.json:
        print(json.dumps(report))
    else:
        for state in states:
            end = state.end or state.last_seen
            print(f"{state.start:7.1f} to {end:7.1f} s  {state.label}  {state.top_score:.2f}  {len(state.path)} points")
        print({key: value for key, value in report.items() if key != "spans"})
    return 1 if given.visits and (report["missed"] or report["mean"] > 1.1) else 0


if __name__ == "__main__":
    sys.exit(main())
