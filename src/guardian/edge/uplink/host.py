"""Figures of the machine: processor, memory, disk, from /proc and the file system."""

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figures:
    """`cpu_percent` of all cores since the last look, the rest in bytes."""

    cpu_percent: float
    memory: int
    disk_free: int
    disk_total: int


class Host:
    """Remembers the last processor times: a percentage needs two looks."""

    def __init__(self, state_dir: Path, proc: Path = Path("/proc")) -> None:
        self._state_dir = state_dir
        self._proc = proc
        self._before = self._times()

    def look(self) -> Figures:
        """The figures now."""
        busy, total = self._times()
        busy_before, total_before = self._before
        self._before = busy, total
        passed = total - total_before
        percent = 100.0 * (busy - busy_before) / passed if passed > 0 else 0.0
        disk = shutil.disk_usage(self._state_dir)
        return Figures(min(100.0, max(0.0, percent)), self._memory(), disk.free, disk.total)

    def _times(self) -> tuple[int, int]:
        try:
            fields = [int(item) for item in (self._proc / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        except (OSError, ValueError):
            return 0, 0
        idle = fields[3] + fields[4]
        return sum(fields) - idle, sum(fields)

    def _memory(self) -> int:
        try:
            lines = dict(line.split(":", 1) for line in (self._proc / "meminfo").read_text().splitlines())
            total, free = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
        except (OSError, ValueError, KeyError):
            return 0
        return (total - free) << 10
