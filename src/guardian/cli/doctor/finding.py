"""What a check found, and what checks are given to look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from guardian.cli.places import Place
from guardian.cli.probe import Report

Verdict = Literal["good", "doubtful", "bad"]


@dataclass(frozen=True)
class Finding:
    """One sentence; `fix` says what to do unless all is good."""

    check: str
    verdict: Verdict
    sentence: str
    fix: str = ""


@dataclass(frozen=True)
class Subject:
    """One place and what its daemons said."""

    place: Place
    reports: list[Report]


Check = Callable[[Subject], Iterator[Finding]]
