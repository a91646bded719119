"""`guardian update`: which system or release runs here, which comes next, what became of the last; and back again."""

import json
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from guardian.appliance.apply import UPDATE, remember
from guardian.appliance.here import this_host
from guardian.appliance.host import Host
from guardian.cli import update_status
from guardian.cli.places import STATE_DIR
from guardian.common.errors import GuardianError
from guardian.common.text import plain

app = typer.Typer(
    help="The system of a machine made from an image, or a host's release: look for a new one, take it, go back.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
NoRestart = Annotated[bool, typer.Option("--no-restart", help="Leave the restart to somebody else: it is tried then.")]
_APPLY = "/opt/guardian/current/bin/guardian-update-apply"


@app.command()
def status(as_json: AsJson = False) -> None:
    """What lies in each slot, or which releases; which runs, and what became of the last update."""
    told = update_status.gather(this_host())
    typer.echo(json.dumps(told) if as_json else "\n".join(update_status.lines(told)))


@app.command()
def check() -> None:
    """Ask the node now. What it offers is fetched, and put in place in its hour (`update.window`)."""
    _ask_the_node(now=False, force=False)


@app.command()
def apply(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="An update, NAME.update; else what the node offers.")
    ] = None,
    downgrade: Annotated[bool, typer.Option("--downgrade", help="An older version is meant.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also a version that failed here or was left.")] = False,
    no_restart: NoRestart = False,
) -> None:
    """Put a signed system or release in place and restart into it: it stays if all is as well as before."""
    _on_a_host()
    if file is None:
        if downgrade or no_restart:
            raise typer.BadParameter("--downgrade and --no-restart are for a FILE: what a node offers is newer.")
        _ask_the_node(now=True, force=force)
        return
    if not file.is_file():
        raise GuardianError(
            f"{plain(str(file))} is no file.",
            reason="bundle_missing",
            hint="Give an update, NAME.update; without one the node is asked.",
        )
    words = [_APPLY, "--bundle", str(file.absolute())]
    words += ["--downgrade"] * downgrade + ["--force"] * force + ["--no-restart"] * no_restart
    raise typer.Exit(subprocess.run(words, check=False).returncode)


@app.command()
def rollback(no_restart: NoRestart = False) -> None:
    """Try what ran before again, and stay there if all is as well as now."""
    host = _on_a_host()
    there = host.before
    if not there:
        raise GuardianError(
            "There is nothing whole here to go back to.",
            reason="nothing_there",
            hint="There is after the first update.",
        )
    if (UPDATE / "ready/bundle").exists():
        raise GuardianError(
            "An update is about to be put in place.",
            reason="update_ready",
            hint="Wait until it is done.",
        )
    with host.alone():
        host.refuse_going_back(there)
        remember(host)
        host.record(version("guardian"), "left", f"Left by hand for {there}.")
        host.have_tried(there)
    if no_restart:
        typer.echo(f"Version {there} is tried at the next start.")
        return
    typer.echo(f"Version {there} is tried.")
    if host.go(wait=True) not in ("", "good"):
        typer.echo(host.history()[-1].sentence, err=True)
        raise typer.Exit(1)


@app.command()
def history(as_json: AsJson = False) -> None:
    """What became of each update, newest first."""
    found = [asdict(past) for past in reversed(_on_a_host().history())]
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not found:
        typer.echo("No update was tried yet.")
    for past in found:
        outcome = update_status.OUTCOMES.get(past["outcome"], past["outcome"])
        typer.echo(f"{past['time']}  {past['version'] or '?':<14} {outcome}")
        typer.echo(f"  {plain(past['sentence'])}")


def _on_a_host() -> Host:
    """This machine; SlotError where there is nothing that could be updated."""
    host = this_host()
    _ = host.running
    return host


def _ask_the_node(*, now: bool, force: bool) -> None:
    """Through guardian-update.service, which alone may use this machine's key; what it says."""
    # An image of another tier has no such part.
    from guardian.edge.update import status as updates

    host = _on_a_host()
    if force:
        host.ask_again()
    updates.request(STATE_DIR, now=now, force=force)
    done = subprocess.run(["systemctl", "start", "guardian-update.service"], check=False)
    found = updates.Place(STATE_DIR).status()
    if found.state != "ready":
        # Meant for what came of this run, not for what is handed over some day.
        host.was_asked()
    typer.echo(found.sentence or f"Nothing is known of updates yet; {version('guardian')} runs.")
    if done.returncode and found.state == "fetching":
        typer.echo("It was ended in between; `journalctl -u guardian-update` says why. The next run goes on there.")
    if done.returncode or found.state == "refused":
        raise typer.Exit(1)
