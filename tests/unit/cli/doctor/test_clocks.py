"""A clock that was moved is known by systemd's two times of a start, and by files of the future."""

import datetime as dt
import os
import time
from pathlib import Path

import pytest

from guardian.cli.host import clocks
from guardian.cli.host.units import Unit


def started_at(seconds_ago: float, moved: float = 0.0) -> Unit:
    """A unit that started so long ago, when the clock was `moved` seconds behind what it shows now."""
    wall = dt.datetime.fromtimestamp(time.time() - seconds_ago - moved, dt.UTC)
    monotonic = time.clock_gettime(time.CLOCK_MONOTONIC) - seconds_ago
    stamp = f"{wall:%a %Y-%m-%d %H:%M:%S} UTC"
    return Unit("x", {"ActiveEnterTimestamp": stamp, "ActiveEnterTimestampMonotonic": str(int(monotonic * 1e6))})


@pytest.mark.parametrize(("moved", "expected"), [(0.0, 0), (3600.0, 60), (-3600.0, -60)])
def test_by_how_much_the_clock_was_moved_since_the_oldest_start(moved: float, expected: int):
    step = clocks.step_since([started_at(1.0), started_at(2.0, moved)])
    assert step is not None
    assert round(step.total_seconds() / 60) == expected


def test_who_never_started_knows_no_time():
    assert clocks.step_since([Unit("x", {"ActiveEnterTimestamp": "", "ActiveEnterTimestampMonotonic": "0"})]) is None
    assert clocks.started(Unit("x", {"ActiveEnterTimestamp": "Fri 2026-13-41 02:10:11 UTC"})) is None
    assert clocks.started(Unit("x", {"ActiveEnterTimestamp": "Fri 2026-11-27 02:10:11 CET"})) is None


def test_the_newest_file_of_each_folder_is_taken(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "old").write_text("")
    (tmp_path / "a" / "new").write_text("")
    ahead = time.time() + 7200
    os.utime(tmp_path / "a" / "new", (ahead, ahead))
    found = dict(clocks.last_written([tmp_path, tmp_path / "none"]))
    assert round(found[tmp_path / "a" / "new"]) == round(ahead)
    assert tmp_path / "old" not in found
