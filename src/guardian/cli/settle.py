"""`guardian settle`: wait until this host is as well as it was before another release was put in force."""

import json
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from guardian.cli.places import find_places
from guardian.cli.probe import Report, ask_all, health_sockets
from guardian.common.errors import GuardianError

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
_LOOK_SECONDS = 0.5
_MAX_BYTES = 4 << 20
# What must not merely be there: it has to move on. A camera that records makes another second durable.
_MOVING = ("durable", "last_frame")


class Before(BaseModel):
    """What `guardian status --json` printed."""

    model_config = ConfigDict(extra="ignore")

    daemons: list[Report]


@app.command()
def settle(
    version: Annotated[str, typer.Option("--version", help="The release that every daemon must be of.")],
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="How long to wait at most.")] = 60,
    run_dir: Annotated[list[Path] | None, typer.Option("--run-dir", help="Directory with daemons' sockets.")] = None,
    config: Annotated[list[Path] | None, typer.Option("--config", help="edge.yaml, node.yaml or control.yaml.")] = None,
) -> None:
    """Read from stdin what `guardian status --json` said before; wait until all that was well is well again.

    A camera that was away before, or a peer that could not be reached, is no fault of the release: nothing is asked of
    it.
    Exit status: 0 it is, 1 it is not; what is missing is said on stderr, one sentence a line.
    """
    before = read_before(sys.stdin.buffer.read(_MAX_BYTES))
    places = find_places(run_dir or (), config or ())
    until = time.monotonic() + seconds
    first: dict[str, Report] = {}
    while True:
        now = {report.service: report for place in places for report in ask_all(health_sockets(place.run_dir))}
        remember(first, now)
        missing = list(find_missing(before, now, first, version))
        if not missing:
            typer.echo(f"All that was well before is well with {version}.")
            return
        if time.monotonic() > until:
            for sentence in missing:
                typer.echo(sentence, err=True)
            raise typer.Exit(1)
        time.sleep(_LOOK_SECONDS)


def read_before(data: bytes) -> list[Report]:
    """The daemons that were ready."""
    try:
        known = Before.model_validate(json.loads(data))
    except (ValueError, ValidationError) as error:
        raise GuardianError(
            "stdin does not hold what `guardian status --json` prints.",
            reason="before_unreadable",
            hint="Keep its output before the release is put in force, and hand it over here.",
        ) from error
    return [report for report in known.daemons if report.ready]


def remember(first: dict[str, Report], now: dict[str, Report]) -> None:
    """Keep in `first` the earliest moments each daemon told in its present life: what moves is compared with them."""
    for name, report in now.items():
        known = first.get(name)
        if known is None or known.pid != report.pid:
            first[name] = report.model_copy(deep=True)
            continue
        # A daemon is ready before its first picture: it had nothing to begin with.
        for dependency, found in report.dependencies.items():
            detail = known.dependencies.setdefault(dependency, found.model_copy(deep=True)).detail
            detail |= {key: found.detail[key] for key in _MOVING if not detail.get(key) and found.detail.get(key)}


def find_missing(before: list[Report], now: dict[str, Report], first: dict[str, Report], version: str) -> Iterator[str]:
    """One sentence for each thing that was well and is not."""
    for old in before:
        new = now.get(old.service)
        if new is None or not new.ready:
            said = f": {new.status}" if new is not None and new.status else ""
            yield f"{old.service} is not ready{said}."
            continue
        if new.version != version:
            yield f"{old.service} still runs {new.version}."
            continue
        yield from _worse(old, new)
        yield from _standing_still(old, new, first[old.service])


def _worse(old: Report, new: Report) -> Iterator[str]:
    for name, was in old.dependencies.items():
        found = new.dependencies.get(name)
        if was.state == "ok" and (found is None or found.state != "ok"):
            said = found.sentence if found is not None else "nothing is known of it yet."
            yield f"{old.service}, {name}: {said}"


def _standing_still(old: Report, new: Report, first: Report) -> Iterator[str]:
    for name, was in old.dependencies.items():
        for key in _MOVING:
            if was.state != "ok" or not was.detail.get(key) or name not in new.dependencies:
                continue
            since = first.dependencies[name].detail.get(key, "") if name in first.dependencies else ""
            value = new.dependencies[name].detail.get(key, "")
            # Between two clips nothing becomes durable, and pictures are what can be asked for.
            if key == "durable" and not new.dependencies[name].detail.get("recording"):
                continue
            if not _moved(since, value):
                yield f"{old.service}, {name}: {key.replace('_', ' ')} does not move on (it is {value or 'not known'})."


def _moved(since: object, value: object) -> bool:
    try:
        return datetime.fromisoformat(str(value)) > datetime.fromisoformat(str(since))
    except ValueError:
        return False
