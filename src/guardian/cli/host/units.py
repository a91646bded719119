"""A tier's units as systemd knows them: two questions for all of them."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from guardian.cli.host.asking import ask

_BOOTED = Path("/run/systemd/system")
# On a host at its limits systemd answers late; without its answer half the doctor is blind.
_SECONDS = 10.0
_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,Result,Type,NRestarts,UnitFileState,ConditionResult,ConditionTimestampMonotonic,"
    "ExecMainStatus,StatusText,MainPID,NeedDaemonReload,User,StateDirectory,FragmentPath,DropInPaths,Description,"
    "ActiveEnterTimestamp,ActiveEnterTimestampMonotonic,TriggeredBy,Restart,StateDirectoryMode,Group"
)
# What a unit may be called: it goes into an argument.
_NAME = re.compile(r"[A-Za-z0-9@:_.\\-]{1,255}\.(?:service|socket|timer|path|target|slice)")
# systemd's exit status when a credential could not be had.
CREDENTIALS = 243


@dataclass(frozen=True)
class Unit:
    """One unit; `raw` are its properties as `systemctl show` wrote them."""

    name: str
    raw: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> str:
        """A property; '' when this systemd does not know it."""
        return self.raw.get(key, "")

    def number(self, key: str) -> int:
        """A property that counts; 0 when it is not set."""
        text = self.get(key)
        return int(text) if text.isdecimal() else 0

    @property
    def kind(self) -> str:
        """service, socket, timer …"""
        return self.name.rpartition(".")[2]

    @property
    def short(self) -> str:
        """As daemons name themselves: `camera@front` of `guardian-camera@front.service`."""
        return self.name.removeprefix("guardian-").removesuffix(".service")

    @property
    def active(self) -> bool:
        """Running, or for a oneshot: ran to its end."""
        return self.get("ActiveState") in ("active", "reloading", "refreshing")

    @property
    def running(self) -> bool:
        """A process of it is at work now."""
        return self.number("MainPID") > 0

    @property
    def oneshot(self) -> bool:
        """It runs to its end and is not missed afterwards."""
        return self.kind == "service" and self.get("Type") == "oneshot"

    @property
    def lasting(self) -> bool:
        """It is meant to run for ever; others, such as enrolment, end when their work is done."""
        return self.kind != "service" or self.get("Restart") == "always"

    @property
    def skipped(self) -> bool:
        """systemd wanted to start it and one of its conditions did not hold."""
        return self.get("ConditionResult") == "no" and self.number("ConditionTimestampMonotonic") > 0


def booted() -> bool:
    """Is systemd the service manager here?"""
    return _BOOTED.is_dir()


def target_of(tier: str) -> str:
    """The unit that stands for a tier."""
    return f"guardian-{tier}.target"


def read(tier: str) -> list[Unit] | None:
    """The tier's target, what it wants, every other guardian unit that is loaded; None when systemd does not answer."""
    if not booted():
        return None
    target = target_of(tier)
    wanted = ask("systemctl", "show", "--property=Wants,Requires", target, seconds=_SECONDS)
    listed = ask("systemctl", "list-units", "--all", "--plain", "--no-legend", "--full", "guardian-*", seconds=_SECONDS)
    if not wanted.good or not listed.good:
        return None
    names = [target]
    for line in wanted.text.splitlines():
        names += line.partition("=")[2].split()
    names += [line.split()[0] for line in listed.text.splitlines() if line.strip()]
    ours = [name for name in dict.fromkeys(names) if _NAME.fullmatch(name) and not name.endswith(".slice")]
    answer = ask("systemctl", "show", f"--property={_PROPERTIES}", "--", *ours[:200], seconds=_SECONDS)
    return parse(answer.text) if answer.good else None


def parse(text: str) -> list[Unit]:
    """Blocks of KEY=value, an empty line between units."""
    found = []
    for block in text.split("\n\n"):
        raw: dict[str, str] = {}
        for line in block.splitlines():
            key, sign, value = line.partition("=")
            if sign:
                raw[key] = value
        if raw.get("Id"):
            found.append(Unit(raw["Id"], raw))
    return found
