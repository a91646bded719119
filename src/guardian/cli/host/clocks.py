"""What systemd, the kernel and this host's own files know of the time."""

import contextlib
import datetime as dt
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from guardian.cli.host.asking import ask
from guardian.cli.host.units import Unit

# systemd-timesyncd touches it, so that a machine without a clock of its own does not begin in 1970.
_TIMESYNC = Path("/var/lib/systemd/timesync/clock")
_JOURNALS = Path("/var/log/journal")
_MOST = 500


def synchronised() -> bool:
    """Does a time server confirm the kernel's clock?"""
    return ask("timedatectl", "show", "--property=NTPSynchronized", "--value").text.strip() == "yes"


def step_since(units: Iterable[Unit]) -> dt.timedelta | None:
    """How far the clock was moved since the units started, by the oldest: systemd keeps both times of each start.

    None when nothing runs. Positive: it was put on.
    """
    offset = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC)
    kept = []
    for unit in units:
        monotonic, wall = unit.number("ActiveEnterTimestampMonotonic"), started(unit)
        if monotonic and wall is not None:
            kept.append((monotonic, wall - monotonic / 1e6))
    if not kept:
        return None
    step = offset - min(kept)[1]
    # While the machine slept the clock went on and the other time did not.
    asleep = time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
    return dt.timedelta(seconds=0 if 0 < step <= asleep + 1 else step)


def started(unit: Unit) -> float | None:
    """`Fri 2026-11-27 02:10:11 UTC` as seconds since 1970; None when it did not start."""
    words = unit.get("ActiveEnterTimestamp").split()
    if len(words) != 4 or words[3] != "UTC":
        return None
    try:
        moment = dt.datetime.strptime(f"{words[1]} {words[2]}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return moment.timestamp()


def last_written(folders: Iterable[Path]) -> Iterator[tuple[Path, float]]:
    """The newest file of each place that is written all the time, and when that was, in seconds since 1970."""
    with contextlib.suppress(OSError):
        yield _TIMESYNC, _TIMESYNC.stat().st_mtime
    for folder in [_JOURNALS, *folders]:
        newest = max(_files(folder), default=None)
        if newest is not None:
            yield newest[1], newest[0]


def _files(folder: Path) -> Iterator[tuple[float, Path]]:
    """Two levels down, and no more than a few hundred."""
    count = 0
    for pattern in ("*", "*/*"):
        for path in folder.glob(pattern):
            count += 1
            if count > _MOST:
                return
            try:
                yield path.stat().st_mtime, path
            except OSError:
                continue
