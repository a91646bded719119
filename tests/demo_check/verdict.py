"""What the check measured, and whether it holds: the last line of `make demo-check`."""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor

from guardian.common.clock import from_text
from guardian.contracts.control.v1 import control_pb2

# A visit counts as seen when an event overlaps it; arrival and clocks may differ by this much.
_TOLERANCE = timedelta(seconds=2)
_MOST_BYTES_BEFORE_FIRST_FRAME = 2 << 20
_LEAST_SPREAD = 5.0
_REVEALING = ("box", "score", "path", "detection", "confidence", "frame_width")


@dataclass
class Verdict:
    """One run's figures; `holds` is the exit status."""

    first_event_s: float | None = None
    events: int = 0
    visits_expected: int | None = None
    visits_missed: int | None = None
    events_per_visit: float | None = None
    shown_twice: int = 0
    clip_played: bool = False
    seek_ok: bool = False
    bytes_before_first_frame: int | None = None
    locked_shows_nothing: bool = False
    unlock_shows_again: bool = False
    words_agree: bool = False
    plaintext_leaks: int = -1
    secrets_searched_bytes: int = 0
    summary_has_boxes: bool = True
    stopped_clean: bool = False
    detector: str = ""
    problems: list[str] = field(default_factory=list)

    def holds(self) -> bool:
        """All of it, and something was really looked for."""
        return (
            self.first_event_s is not None
            and self.events > 0
            and self.shown_twice == 0
            and (self.visits_expected is None or (self.visits_missed == 0 and (self.events_per_visit or 9) <= 1.1))
            and self.clip_played
            and self.seek_ok
            and self.bytes_before_first_frame is not None
            and self.bytes_before_first_frame <= _MOST_BYTES_BEFORE_FIRST_FRAME
            and self.locked_shows_nothing
            and self.unlock_shows_again
            and self.words_agree
            and self.plaintext_leaks == 0
            and self.secrets_searched_bytes > 100_000
            and not self.summary_has_boxes
            and self.stopped_clean
            and not self.problems
        )

    def line(self) -> str:
        """One JSON object."""
        return json.dumps({"holds": self.holds(), **asdict(self)})


def is_a_picture(statistics: dict[str, float]) -> bool:
    """A decoded frame that is neither black nor one colour."""
    return statistics["mean"] > 4 and statistics["spread"] > _LEAST_SPREAD


def count_visits(events: list[dict[str, Any]], visits: Path, began: datetime) -> tuple[int, int, float]:
    """Visits expected, visits without an event, and events a visit, from playback's beginning on."""
    expected = json.loads(visits.read_text())["visits"]
    spans = [(from_text(item["start"]), from_text(item["end"] or item["start"])) for item in events]
    missed = 0
    for visit in expected:
        start, end = (began + timedelta(seconds=visit[key]) for key in ("start", "end"))
        missed += not any(a <= end + _TOLERANCE and b >= start - _TOLERANCE for a, b in spans)
    return len(expected), missed, len(events) / len(expected)


def summary_reveals(events: list[dict[str, Any]]) -> bool:
    """Whether the contract or an answer of the API has room for a box or a score."""
    names = _field_names(control_pb2.EventSummary.DESCRIPTOR, set())
    keys = {key for event in events for key in _keys(event)}
    return any(word in name.lower() for name in names | keys for word in _REVEALING)


def _field_names(descriptor: Descriptor, seen: set[str]) -> set[str]:
    names: set[str] = set()
    if descriptor.full_name in seen:
        return names
    seen.add(descriptor.full_name)
    for item in descriptor.fields:
        names.add(item.name)
        if item.message_type is not None:
            names |= _field_names(item.message_type, seen)
    return names


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in _keys(inner)}
    if isinstance(value, list):
        return {key for inner in value for key in _keys(inner)}
    return set()
