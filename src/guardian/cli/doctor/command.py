"""The verb itself: run every check on every place, print what was found."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from guardian.cli.doctor.checks import CHECKS
from guardian.cli.doctor.finding import Check, Finding, Subject
from guardian.cli.places import find_places
from guardian.cli.probe import ask_all, health_sockets
from guardian.common.text import plain

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
_SYMBOLS = {"good": "[green]✔[/]", "unseen": "[dim]?[/]", "doubtful": "[yellow]▲[/]", "bad": "[red]✖[/]"}


def _known(names: list[str] | None) -> list[str]:
    for name in names or []:
        if name not in CHECKS:
            raise typer.BadParameter(f"There is no check {name}. There are: {', '.join(CHECKS)}.")
    return names or []


@app.command()
def doctor(
    run_dir: Annotated[list[Path] | None, typer.Option("--run-dir", help="Directory with daemons' sockets.")] = None,
    config: Annotated[list[Path] | None, typer.Option("--config", help="edge.yaml, node.yaml or control.yaml.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CHECK", help="This check alone; may be given more than once.", callback=_known),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Look for what is wrong on this host and say how to mend it; changes nothing and reads no secret.

    Exit status: 0 nothing is wrong, 1 something is doubtful, 2 something is bad. What may not be looked at is shown
    with a question mark and changes nothing of that. Each reason is explained in docs/troubleshooting.md.
    """
    findings = examine(run_dir or [], config or [], only or [])
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(item) for item in findings]}, indent=2, ensure_ascii=False))
    else:
        show(findings)
    verdicts = {item.verdict for item in findings}
    raise typer.Exit(2 if "bad" in verdicts else 1 if "doubtful" in verdicts else 0)


def examine(run_dirs: list[Path], configs: list[Path], only: list[str] | None = None) -> list[Finding]:
    """All findings, place by place, in the order of the checks; they run beside each other, for some wait on a peer."""
    chosen = [check for name, check in CHECKS.items() if not only or name in only]
    findings: list[Finding] = []
    for place in find_places(run_dirs, configs):
        subject = Subject(place, ask_all(health_sockets(place.run_dir)))
        # Asked for once, before the checks run beside each other.
        _ = subject.units
        with ThreadPoolExecutor(len(chosen)) as pool:
            for found in pool.map(_run, chosen, [subject] * len(chosen)):
                findings += found
    return findings


def _run(check: Check, subject: Subject) -> list[Finding]:
    return list(check(subject))


def show(findings: list[Finding]) -> None:
    """For a person."""
    console = Console(highlight=False)
    for item in findings:
        reason = f" [dim]({item.reason})[/]" if item.reason else ""
        console.print(
            f"{_SYMBOLS[item.verdict]} [dim]{item.check:<12}[/] {_plain(item.sentence)}{reason}", soft_wrap=True
        )
        if item.fix:
            console.print(f"  {'':<12} → {_plain(item.fix)}", soft_wrap=True)
    if not findings:
        console.print("There is nothing here to look at: name a configuration with --config.")


def _plain(text: str) -> str:
    return plain(text).replace("[", "\\[")
