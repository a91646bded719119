"""Does each folder belong to the one daemon that writes it, and may nobody else?"""

import grp
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guardian.cli.doctor.checks.release import CURRENT
from guardian.cli.doctor.finding import Finding, Subject, bad, good, unseen
from guardian.cli.places import SYSTEM


@dataclass(frozen=True)
class Rule:
    """A path, who must own it, and the most its mode may be; '' is any owner or group."""

    path: Path
    owner: str
    group: str
    most: int


def check(subject: Subject) -> Iterator[Finding]:
    """docs/hosts.md says who owns what."""
    if not subject.host:
        return
    looked, faults = 0, False
    for rule in rules(subject):
        try:
            finding = judge(rule)
        except FileNotFoundError:
            continue
        except PermissionError:
            yield unseen("permissions", f"{rule.path} is not for your eyes.")
            continue
        looked += 1
        if finding is not None:
            faults = True
            yield finding
    if looked and not faults:
        yield good("permissions", f"{looked} folders and files belong to whom they should.")


def rules(subject: Subject) -> Iterator[Rule]:
    """Configuration and code are root's; a state folder is its unit's user's."""
    tier, state = subject.place.tier, subject.place.state_dir
    yield Rule(SYSTEM, "root", "", 0o755)
    yield Rule(SYSTEM / f"{tier}.yaml", "root", "guardian", 0o640)
    yield Rule(SYSTEM / "seed", "root", "", 0o700)
    yield Rule(SYSTEM / "cameras", "root", "", 0o755)
    for path in _inside(SYSTEM / "cameras"):
        yield Rule(path, "root", "guardian-camera", 0o640)
    for path in (CURRENT.parent, CURRENT.parent / "releases", CURRENT, CURRENT / "bin", CURRENT / "units"):
        yield Rule(path, "root", "", 0o755)
    if state is None:
        return
    yield Rule(state, "root", "", 0o751)
    for unit in subject.units or []:
        for name in unit.get("StateDirectory").split():
            most = int(unit.get("StateDirectoryMode") or "750", 8)
            yield Rule(Path("/var/lib") / name, unit.get("User") or "root", "", most)


def judge(rule: Rule) -> Finding | None:
    """Raises OSError when it is not there or not to be looked at."""
    found = rule.path.stat()
    owner, group, mode = _user(found.st_uid), _group(found.st_gid), stat.S_IMODE(found.st_mode)
    if owner != rule.owner or (rule.group and group != rule.group):
        wanted = f"{rule.owner}:{rule.group}" if rule.group else rule.owner
        mend = f"chown {wanted} {rule.path}"
        return bad("ownership_wrong", f"{rule.path} belongs to {owner}:{group}, not to {wanted}.", mend)
    if mode & ~rule.most & 0o7777 & ~stat.S_ISGID:
        sentence = f"{rule.path} has mode {mode:04o}, which is more than {rule.most:04o}."
        return bad("mode_wrong", sentence, f"chmod {rule.most:04o} {rule.path}")
    if stat.S_ISDIR(found.st_mode) and mode & 0o700 != 0o700:
        sentence = f"{rule.path} has mode {mode:04o}: its own daemon cannot use it."
        return bad("mode_wrong", sentence, f"chmod {rule.most:04o} {rule.path}")
    return None


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.yaml"))[:256]
    except OSError:
        return []


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
