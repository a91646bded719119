"""What a check found, and what checks are given to look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from guardian.cli.doctor.reasons import REASONS
from guardian.cli.host import units
from guardian.cli.host.units import Unit
from guardian.cli.places import SYSTEM, Place
from guardian.cli.probe import Report

Verdict = Literal["good", "unseen", "doubtful", "bad"]


@dataclass(frozen=True)
class Finding:
    """One sentence. `reason` is for programs, `fix` says what to do; both are empty when all is good."""

    check: str
    verdict: Verdict
    sentence: str
    fix: str = ""
    reason: str = ""


def good(check: str, sentence: str) -> Finding:
    """Nothing to do."""
    return Finding(check, "good", sentence)


def unseen(check: str, sentence: str) -> Finding:
    """Who asks may not look there; that says nothing of the host, so the exit status does not change."""
    return Finding(check, "unseen", sentence, "Run this as root to have it looked at.")


def doubtful(reason: str, sentence: str, fix: str = "") -> Finding:
    """Not broken yet, or perhaps meant to be so."""
    return Finding(REASONS[reason].check, "doubtful", sentence, fix or REASONS[reason].mend, reason)


def bad(reason: str, sentence: str, fix: str = "") -> Finding:
    """Something does not work."""
    return Finding(REASONS[reason].check, "bad", sentence, fix or REASONS[reason].mend, reason)


@dataclass(frozen=True)
class Subject:
    """One place and what its daemons said."""

    place: Place
    reports: list[Report] = field(default_factory=list)

    @property
    def host(self) -> bool:
        """A host of its own, looked after by systemd; not a demo."""
        config = self.place.config
        return config is not None and config.parent == SYSTEM and units.booted()

    @cached_property
    def units(self) -> list[Unit] | None:
        """The tier's units, asked for once; None where systemd does not run them."""
        return units.read(self.place.tier) if self.host and self.place.tier else None

    def report(self, service: str) -> Report | None:
        """What one daemon said."""
        return next((item for item in self.reports if item.service == service), None)

    @property
    def identity(self) -> Path | None:
        """The folder of what this host was given at enrolment."""
        return self.place.state_dir / "identity" if self.place.state_dir else None


Check = Callable[[Subject], Iterator[Finding]]
