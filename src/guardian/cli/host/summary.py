"""A host in a few lines: tier, release, and what its units do that no daemon can say of itself."""

import json
import socket
from dataclasses import dataclass, field
from pathlib import Path

from guardian.cli.doctor.checks.units import fault_of
from guardian.cli.host import units
from guardian.cli.host.units import Unit
from guardian.cli.places import SYSTEM, Place
from guardian.cli.probe import Report
from guardian.common.files import read_plain
from guardian.common.lifecycle import FOR_GOOD

_RELEASE = Path("/opt/guardian/current/release.json")


@dataclass(frozen=True)
class Line:
    """One unit; `state` is a daemon's, as in health reports. `for_good`: it ended, and systemd starts it no more."""

    service: str
    state: str
    sentence: str
    for_good: bool = False


@dataclass(frozen=True)
class Summary:
    """What systemd says of a tier here. `lines` are the units that have not spoken for themselves."""

    tier: str
    host: str
    version: str
    running: int
    wanted: int
    lines: list[Line] = field(default_factory=list)

    @property
    def head(self) -> str:
        """`node-7 · release 0.3.0 · 9 of 9 units run`."""
        release = f"release {self.version}" if self.version else "no release in force"
        return f"{self.host} · {release} · {self.running} of {self.wanted} units run"


def summarise(place: Place, reports: list[Report]) -> Summary | None:
    """None where no systemd looks after this place."""
    if place.config is None or place.config.parent != SYSTEM or not place.tier:
        return None
    found = units.read(place.tier)
    if not found or found[0].get("LoadState") != "loaded":
        return None
    return sum_up(place.tier, found[1:], {report.service for report in reports}, _version())


def sum_up(tier: str, found: list[Unit], spoken: set[str], version: str) -> Summary:
    """Units that run for long are counted; those that are stopped, wait, or have no health socket have a line."""
    services = [unit for unit in found if unit.kind == "service" and "@." not in unit.name]
    long = [unit for unit in services if unit.lasting and not unit.oneshot and unit.get("Result") != "exec-condition"]
    lines = [line_of(unit) for unit in long if unit.short not in spoken]
    others = [unit for unit in found if unit not in long and unit.kind != "target"]
    # Enrolment at work is worth a line too, until it has ended.
    lines += [line_of(unit) for unit in others if fault_of(unit) is not None or (unit in services and unit.running)]
    running = sum(unit.active for unit in long)
    return Summary(tier, socket.gethostname(), version, running, len(long), lines)


def line_of(unit: Unit) -> Line:
    """Its own STATUS= line while it runs, else what is wrong with it."""
    fault = fault_of(unit)
    if fault is None:
        doing = unit.get("StatusText") or ("running" if unit.active else unit.get("ActiveState") or "not loaded")
        return Line(unit.short, "ok" if unit.active else "waiting", doing)
    for_good = unit.get("ActiveState") == "failed" and unit.number("ExecMainStatus") == FOR_GOOD
    return Line(unit.short, "failed" if fault.verdict == "bad" else "waiting", fault.sentence, for_good)


def _version() -> str:
    try:
        return str(json.loads(read_plain(_RELEASE, 1 << 20))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
