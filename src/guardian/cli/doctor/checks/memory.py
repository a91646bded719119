"""Is memory short? The kernel's own figures: what is available, and how long tasks wait for it."""

import re
from collections.abc import Iterator
from pathlib import Path

from guardian.cli.doctor.finding import Finding, Subject, doubtful, good

_PROC = Path("/proc")
_LEAST = 0.05
_MOST_WAITING = 10.0


def check(subject: Subject) -> Iterator[Finding]:
    """On hosts only: a demo's machine is its owner's."""
    if subject.host:
        yield from judge(_PROC)


def judge(proc: Path) -> Iterator[Finding]:
    """`MemAvailable` of meminfo; the share of the last minute in which something waited, of pressure/memory."""
    try:
        text = (proc / "meminfo").read_text("ascii")
        sizes = {key: int(value) for key, value in re.findall(r"^(\w+):\s+(\d+)", text, re.MULTILINE)}
        share = sizes["MemAvailable"] / sizes["MemTotal"]
    except (OSError, KeyError, ZeroDivisionError):
        return
    waiting = _waiting(proc / "pressure" / "memory")
    said = f"{share:.0%} of the memory is available"
    if share < _LEAST:
        yield doubtful("memory_low", f"Only {said}.")
    elif waiting > _MOST_WAITING:
        yield doubtful(
            "memory_pressure", f"In the last minute something waited for memory {waiting:.0f} % of the time."
        )
    else:
        yield good("memory", f"{said}.")


def _waiting(path: Path) -> float:
    """0 where the kernel does not measure it."""
    try:
        match = re.search(r"^some avg10=[0-9.]+ avg60=([0-9.]+)", path.read_text("ascii"), re.MULTILINE)
    except OSError:
        return 0.0
    return float(match[1]) if match else 0.0
