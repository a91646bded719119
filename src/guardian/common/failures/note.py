"""The note of a unit's last failure: `STATE/failures/UNIT.json`, one a unit, so that there are never many."""

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from guardian.common.clock import from_text, now, to_text
from guardian.common.files import private_folder, read_plain, write_atomic
from guardian.common.log import redact
from guardian.common.text import plain

MAX_WORDS = 5
_MAX_WORD = 300
_MAX_BYTES = 16 << 10
_RECENT = timedelta(days=1)
_UNIT = re.compile(r"guardian-[a-z0-9@_.-]{1,100}\.(service|socket|path|timer)")
_RESULTS = {
    "exit-code": "ended with an error",
    "signal": "was killed",
    "core-dump": "crashed",
    "watchdog": "made no progress and was ended",
    "timeout": "did not start or stop in time",
    "oom-kill": "used more memory than it may",
    "start-limit-hit": "failed too often in a row",
    "protocol": "did not say that it was ready",
    "resources": "could not be given what its unit names",
    "exec-condition": "was not let run by its own condition",
}


@dataclass(frozen=True)
class Note:
    """What is known of a failure. `words` are the unit's own last lines, oldest first."""

    unit: str
    time: datetime
    result: str
    status: str
    count: int
    words: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One line for the journal and for `guardian status`."""
        how = _RESULTS.get(self.result, f"failed ({self.result or 'for an unknown cause'})")
        status = f" ({self.status})" if self.status else ""
        last = f"; its last words: {self.words[-1]}" if self.words else ""
        return f"{self.unit} {how}{status}{last}"


def is_unit(name: str) -> bool:
    """Whether this may be one of our units' names."""
    return _UNIT.fullmatch(name) is not None and ".." not in name


def write(folder: Path, unit: str, *, result: str, status: str, lines: list[str]) -> Note:
    """Note a failure; the count goes on from the note before."""
    before = read(folder / f"{unit}.json")
    words = tuple(cleaned for line in lines if (cleaned := _clean(line)))[-MAX_WORDS:]
    note = Note(unit, now(), _clean(result), _clean(status), (before.count if before else 0) + 1, words)
    private_folder(folder, mode=0o750)
    text = json.dumps(asdict(note) | {"time": to_text(note.time)}, ensure_ascii=False)
    write_atomic(folder / f"{unit}.json", text.encode(), mode=0o640)
    return note


def read(path: Path) -> Note | None:
    """A note; None when there is none, or it is not one."""
    try:
        found = json.loads(read_plain(path, _MAX_BYTES))
        words = tuple(_clean(str(word)) for word in found["words"])[-MAX_WORDS:]
        unit, count = str(found["unit"]), int(found["count"])
        if not is_unit(unit):
            return None
        return Note(unit, from_text(found["time"]), _clean(found["result"]), _clean(found["status"]), count, words)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_all(folder: Path) -> list[Note]:
    """Every unit's note, the newest first."""
    try:
        paths = sorted(folder.glob("guardian-*.json"))
    except OSError:
        return []
    notes = [note for path in paths if (note := read(path))]
    return sorted(notes, key=lambda note: note.time, reverse=True)


def recent(folder: Path) -> list[Note]:
    """Of the last day."""
    return [note for note in read_all(folder) if now() - note.time < _RECENT]


def _clean(text: str) -> str:
    return redact(" ".join(plain(str(text)).split()))[:_MAX_WORD]
