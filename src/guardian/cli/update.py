"""`guardian update`: which system this machine runs, which comes next, what became of the last ones; and back again."""

import json
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from guardian.appliance.apply import UPDATE, remember
from guardian.appliance.slots import OTHER, Host
from guardian.cli.places import STATE_DIR
from guardian.common.errors import GuardianError
from guardian.common.text import plain

app = typer.Typer(
    help="The system of a machine that was made from an image: look for a new one, take it, go back.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
NoRestart = Annotated[bool, typer.Option("--no-restart", help="Leave the restart to somebody else.")]
_APPLY = "/opt/guardian/current/bin/guardian-update-apply"


@app.command()
def status(as_json: AsJson = False) -> None:
    """What lies in each slot, which runs, and what became of the last update."""
    told = gather(Host())
    typer.echo(json.dumps(told) if as_json else "\n".join(lines(told)))


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
    force: Annotated[bool, typer.Option("--force", help="Take also a version that was tried here and failed.")] = False,
    no_restart: NoRestart = False,
) -> None:
    """Write a signed system into the other slot, and restart into it: it stays if all is as well as before."""
    if file is None:
        if downgrade or no_restart:
            raise typer.BadParameter("--downgrade and --no-restart are for a FILE: what a node offers is newer.")
        _ask_the_node(now=True, force=force)
        return
    words = [_APPLY, "--bundle", str(file.absolute())]
    words += ["--downgrade"] * downgrade + ["--force"] * force + ["--no-restart"] * no_restart
    raise typer.Exit(subprocess.run(words, check=False).returncode)


@app.command()
def rollback(no_restart: NoRestart = False) -> None:
    """Try the system in the other slot again, and stay there if all is as well as now."""
    host = Host()
    other = OTHER[host.running]
    there = host.version_in(other)
    if not there:
        raise GuardianError(
            f"There is no whole system in slot {other} to go back to.",
            reason="nothing_there",
            hint="A slot has one after the first update.",
        )
    if (UPDATE / "ready/bundle").exists():
        raise GuardianError(
            "An update is about to be written into the other slot.",
            reason="update_ready",
            hint="Wait until it is done.",
        )
    with host.alone():
        remember(host)
        if not host.words().trial:
            # GRUB may have come here because the good one could not start.
            host.change(good=host.running)
        host.record(version("guardian"), "left", f"Left by hand for {there}.")
        host.try_next(other)
    typer.echo(f"Version {there} in slot {other} is tried at the next start.")
    if not no_restart:
        subprocess.run(["systemctl", "reboot"], check=False)


@app.command()
def history(as_json: AsJson = False) -> None:
    """What became of each update, newest first."""
    found = [asdict(past) for past in reversed(Host().history())]
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not found:
        typer.echo("No update was tried yet.")
    for past in found:
        typer.echo(f"{past['time']}  {past['version'] or '?':<14} {_OUTCOMES.get(past['outcome'], past['outcome'])}")
        typer.echo(f"  {plain(past['sentence'])}")


def _ask_the_node(*, now: bool, force: bool) -> None:
    """Through guardian-update.service, which alone may use this machine's key; what it says."""
    # An image of another tier has no such part.
    from guardian.edge.update import status as updates

    host = Host()
    running = host.running
    if force:
        host.ask_again()
    updates.request(STATE_DIR, now=now, force=force)
    done = subprocess.run(["systemctl", "start", "guardian-update.service"], check=False)
    found = updates.Place(STATE_DIR).status()
    if found.state != "ready":
        # Meant for what came of this run, not for what is handed over some day.
        host.was_asked()
    typer.echo(found.sentence or f"Nothing is known of updates yet; slot {running} runs.")
    if done.returncode or found.state == "refused":
        raise typer.Exit(1)


_OUTCOMES = {
    "good": "in force",
    "unhealthy": "went back: not as well as before",
    "never_came_up": "went back: never came up",
    "not_judged": "went back: switched off too early",
    "left": "left by hand",
    "refused": "refused",
}


def gather(host: Host) -> dict[str, Any]:
    """All of it, for programs."""
    words = host.words()
    slots = {slot: version("guardian") if slot == host.running else host.version_in(slot) for slot in OTHER}
    last = host.history()[-1:]
    return {
        "running": host.running,
        "good": words.good,
        "trial": words.trial,
        "slots": slots,
        "last": asdict(last[0]) if last else None,
    }


def lines(told: dict[str, Any]) -> list[str]:
    """The same for people."""
    said = []
    for slot, there in told["slots"].items():
        marks = [
            word
            for word, is_it in (
                ("runs", slot == told["running"]),
                ("in force", slot == told["good"] and slot != told["running"]),
                ("on trial", slot == told["trial"]),
            )
            if is_it
        ]
        said.append(f"Slot {slot}   {there or 'nothing':<16} {', '.join(marks)}".rstrip())
    if last := told["last"]:
        outcome = _OUTCOMES.get(last["outcome"], last["outcome"])
        said += [
            f"Last     {last['version'] or '?':<16} {outcome}, {last['time']}",
            f"         {plain(last['sentence'])}",
        ]
    return said
