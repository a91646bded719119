"""The verb itself: run every check on every place, print what was found."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from guardian.cli.doctor.checks import CHECKS
from guardian.cli.doctor.finding import Finding, Subject
from guardian.cli.places import find_places
from guardian.cli.probe import ask_all, health_sockets

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
_SYMBOLS = {"good": "[green]✔[/]", "doubtful": "[yellow]▲[/]", "bad": "[red]✖[/]"}


@app.command()
def doctor(
    run_dir: Annotated[list[Path] | None, typer.Option("--run-dir", help="Directory with daemons' sockets.")] = None,
    config: Annotated[list[Path] | None, typer.Option("--config", help="edge.yaml, node.yaml or control.yaml.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Look for what is wrong on this host and say how to mend it; changes nothing.

    Exit status: 0 nothing is wrong, 1 something is doubtful, 2 something is bad.
    """
    findings = examine(run_dir or [], config or [])
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(item) for item in findings]}, indent=2, ensure_ascii=False))
    else:
        show(findings)
    verdicts = {item.verdict for item in findings}
    raise typer.Exit(2 if "bad" in verdicts else 1 if "doubtful" in verdicts else 0)


def examine(run_dirs: list[Path], configs: list[Path]) -> list[Finding]:
    """All findings, place by place, in the order of the checks."""
    findings: list[Finding] = []
    for place in find_places(run_dirs, configs):
        subject = Subject(place, ask_all(health_sockets(place.run_dir)))
        for check in CHECKS:
            findings += check(subject)
    return findings


def show(findings: list[Finding]) -> None:
    """For a person."""
    console = Console(highlight=False)
    for item in findings:
        console.print(f"{_SYMBOLS[item.verdict]} [dim]{item.check:<12}[/] {_plain(item.sentence)}", soft_wrap=True)
        if item.fix:
            console.print(f"  {'':<12} → {_plain(item.fix)}", soft_wrap=True)
    if not findings:
        console.print("There is nothing here to look at: name a configuration with --config.")


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
