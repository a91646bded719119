"""The units as they lie in `units/`, and what each must say to the letter."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
UNITS = ROOT / "units"
TIERS = ("edge", "node", "control")
RELAXED = Path(__file__).with_name("relaxed.toml")
CHAPTER = "# Sandbox"

# What every service says, in this order. `relaxed.toml` says where one differs, or adds.
STRICT = """
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
PrivateDevices=yes
DevicePolicy=closed
DeviceAllow
BindPaths
PrivateTmp=yes
PrivateUsers=yes
PrivateIPC=yes
PrivateMounts=yes
PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX
IPAddressDeny=any
IPAddressAllow
ProtectSystem=strict
ReadOnlyPaths=/run -/run/lock
ReadWritePaths
InaccessiblePaths
ProtectHome=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077
KeyringMode=private
NotifyAccess=main
""".strip().splitlines()


@dataclass(frozen=True)
class Unit:
    """One file below `units/`."""

    name: str
    text: str

    @property
    def short(self) -> str:
        """`guardian-camera@.service`."""
        return self.name.rpartition("/")[2]

    @property
    def tier(self) -> str:
        """The folder: a tier or `common`."""
        return self.name.partition("/")[0]

    def values(self, directive: str) -> list[str]:
        """Every value given to a directive, in order."""
        return re.findall(rf"^{directive}=(.*)$", self.text, re.MULTILINE)

    def value(self, directive: str) -> str:
        """The one value, or ""."""
        found = self.values(directive)
        return found[0] if len(found) == 1 else ""

    def words(self, directive: str) -> list[str]:
        """All words of all values."""
        return " ".join(self.values(directive)).split()

    @property
    def sandbox(self) -> list[str]:
        """The lines of the chapter that makes the sandbox."""
        chapter = self.text.partition(f"{CHAPTER}\n")[2].partition("\n[")[0]
        return [line for line in chapter.splitlines() if line]

    def without(self, line: str) -> "Unit":
        """As it would be without a line."""
        lines = self.text.split("\n")
        lines.remove(line)
        return Unit(self.name, "\n".join(lines))


def load(suffix: str = "") -> list[Unit]:
    """Every unit, or those of a kind; not the drop-ins."""
    kinds = ("service", "socket", "path", "timer", "slice", "target")
    paths = [path for kind in kinds for path in sorted(UNITS.glob(f"*/*.{kind}")) if kind == suffix or not suffix]
    return [Unit(path.relative_to(UNITS).as_posix(), path.read_text("utf-8")) for path in paths]


def expected(unit: Unit) -> list[str]:
    """The sandbox this unit must have, line by line."""
    differs = tomllib.loads(RELAXED.read_text("utf-8")).get(unit.name, {})
    unknown = differs.keys() - {line.partition("=")[0] for line in STRICT}
    assert not unknown, f"{unit.name}: {unknown}"
    lines: list[str] = []
    for line in STRICT:
        directive = line.partition("=")[0]
        if directive not in differs:
            lines += [line] if "=" in line else []
        elif isinstance(differs[directive], list):
            # All lines of this directive, in the place of its first.
            lines += [f"{directive}={value}" for value in differs[directive]]
            differs[directive] = "absent"
        elif differs[directive] != "absent":
            lines.append(f"{directive}={differs[directive]}")
    return lines


def relaxed(unit: Unit) -> set[str]:
    """Lines of the sandbox that are not those of every unit."""
    # Nothing is told to systemd by it: stricter, not looser.
    return set(expected(unit)) - set(STRICT) - {"NotifyAccess=none"}


def faults(unit: Unit) -> Iterator[str]:
    """What is wrong with a service, a sentence each."""
    said, wanted = [line for line in unit.sandbox if not line.startswith("#")], expected(unit)
    if said != wanted:
        lost, extra = [item for item in wanted if item not in said], [item for item in said if item not in wanted]
        yield f"{unit.name}: lost {lost}, has {extra} that relaxed.toml does not know, or another order."
    yield from (f"{unit.name}: {line} does not say why." for line in unexplained(unit))
    yield from (f"{unit.name}: {need} is missing." for need in needed(unit) if len(unit.values(need)) != 1)
    if unit.value("ExecReload") and "--check" not in unit.values("ExecReload")[-1]:
        yield f"{unit.name}: a reload of a wrong file would not fail."
    for kind in ("State", "Runtime", "Cache"):
        if unit.words(f"{kind}Directory") and kind != "Cache" and not unit.value(f"{kind}DirectoryMode"):
            yield f"{unit.name}: {kind}DirectoryMode is missing."


def needed(unit: Unit) -> list[str]:
    """Directives without which a service is not one of ours."""
    names = ["Description", "Documentation", "Slice", "TasksMax", "Type"]
    if not unit.short.startswith("guardian-failure"):
        names.append("OnFailure")
    if not is_root(unit):
        names += ["User", "Group"]
    if unit.short == "guardian-usb-camera@.service":
        # By it the file it writes is the cameras' daemons'.
        names.append("Group")
    if unit.value("Slice") != "guardian-detection.slice":
        names.append("MemoryMax")
    lasts, is_python = unit.value("Type") != "oneshot", unit.value("Type") != "exec"
    if lasts:
        names += ["Restart", "TimeoutStopSec", *(["WatchdogSec", "RestartPreventExitStatus"] if is_python else [])]
    elif unit.short == "guardian-migrate.service":
        names += ["Restart", "RestartPreventExitStatus"]
    elif unit.short == "guardian-release-judge.service":
        names.append("Restart")
    return names


def is_root(unit: Unit) -> bool:
    """What root runs; a closed list."""
    oneshots = {"seed", "credential-write@", "cameras", "usb-camera@", "settings", "grow", "install"}
    oneshots |= {"judge", "update-apply", "reset", "release-apply", "release-judge"}
    return unit.short in {f"guardian-{name}.service" for name in oneshots | {"console@", "rescue"}}


def unexplained(unit: Unit) -> list[str]:
    """Relaxed lines with no comment above them, or above the relaxed lines they follow."""
    loose, found, explained = relaxed(unit), [], False
    for line in unit.sandbox:
        if line.startswith("#"):
            explained = True
        elif line not in loose:
            explained = line in {"IPAddressDeny=any", "ReadOnlyPaths=/run -/run/lock"} and explained
        elif not explained:
            found.append(line)
    return found
