"""`guardian status`: every daemon's state in one table, and the words an owner compares."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from guardian.cli.host.summary import Summary, summarise
from guardian.cli.household import Household, read_household
from guardian.cli.places import Place, find_places
from guardian.cli.probe import Report, ask_all, health_sockets, is_closed
from guardian.common.clock import to_text
from guardian.common.failures.note import Note, recent
from guardian.common.text import plain

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})

SYMBOLS = {"ok": "[green]●[/]", "waiting": "[cyan]◌[/]", "degraded": "[yellow]▲[/]", "failed": "[red]✖[/]"}
SYMBOLS["silent"] = "[red]✖[/]"
TITLES = {"edge": "Edge", "node": "Node", "control": "Control plane", "host": "Host"}
EXIT = {"ok": 0, "waiting": 0, "degraded": 1, "failed": 2, "silent": 2}
NOTHING_RUNS = 3
_NOTES = 5


@app.command()
def status(
    run_dir: Annotated[
        list[Path] | None,
        typer.Option("--run-dir", readable=False, help="Directory with daemons' sockets; may be given more than once."),
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option("--config", help="edge.yaml, node.yaml or control.yaml; may be given more than once."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show what every daemon on this host is doing.

    Exit status: 0 all is well or waits for a named cause outside, 1 something is degraded, 2 something failed or does
    not answer, 3 nothing runs here.
    """
    places = find_places(run_dir or (), config or ())
    reports = ask_all([socket for place in places for socket in health_sockets(place.run_dir)])
    households = [item for item in (read_household(p.state_dir) for p in places if p.state_dir) if item]
    hosts = [item for item in (summarise(place, reports) for place in places) if item]
    if as_json:
        typer.echo(json.dumps(describe(places, reports, households, hosts), indent=2, ensure_ascii=False))
    else:
        show(places, reports, households, hosts)
    raise typer.Exit(exit_status(reports, households, hosts))


def exit_status(reports: list[Report], households: list[Household], hosts: list[Summary]) -> int:
    """The worst of all; a roster that does not hold counts as failed."""
    states = [*(report.state for report in reports), *(line.state for host in hosts for line in host.lines)]
    if not states:
        return NOTHING_RUNS
    worst = max(EXIT[state] for state in states)
    return max([worst, *(2 for item in households if item.fault)])


def describe(
    places: list[Place], reports: list[Report], households: list[Household], hosts: list[Summary]
) -> dict[str, Any]:
    """The JSON form. `words` is the first edge's, for programs that look after one."""
    return {
        "state": ["ok", "degraded", "failed", "absent"][exit_status(reports, households, hosts)],
        "hosts": [asdict(item) for item in hosts],
        "words": next((item.words for item in households if item.words), ""),
        "daemons": [report.model_dump() for report in reports],
        "households": [asdict(item) for item in households],
        "failures": [
            {"unit": note.unit, "time": to_text(note.time), "count": note.count, "sentence": note.sentence}
            for note in failures(places)
        ],
        "faults": [place.fault for place in places if place.fault],
    }


def show(places: list[Place], reports: list[Report], households: list[Household], hosts: list[Summary]) -> None:
    """For a person."""
    console = Console(highlight=False)
    for place in places:
        if place.fault:
            console.print(f"[red]✖[/] {place.fault}", soft_wrap=True)
    if not reports and not hosts:
        where = ", ".join(dict.fromkeys(str(place.run_dir) for place in places))
        if closed := [str(place.run_dir) for place in places if is_closed(place.run_dir)]:
            console.print(f"You may not look into {', '.join(closed)}: run this as root or as a member of its group.")
            return
        console.print(f"Nothing runs here (looked in {where}).")
        console.print("[dim]Try `make demo`, or name the place: guardian status --config FILE or --run-dir FOLDER[/]")
    for tier, title in TITLES.items():
        of_tier = [report for report in reports if report.tier == tier]
        host = next((item for item in hosts if item.tier == tier), None)
        if of_tier or host:
            console.print(f"\n[bold]{title}[/]  {_plain(host.head)}" if host else f"\n[bold]{title}[/]")
            console.print(_table(of_tier, host))
    if notes := failures(places)[:_NOTES]:
        console.print("\n[bold]Failed[/] within the last day, the newest first")
        table = Table.grid(padding=(0, 2), pad_edge=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for note in notes:
            often = f" ({note.count} times in all)" if note.count > 1 else ""
            table.add_row(f"{note.time.astimezone():%H:%M}", f"{_plain(note.sentence)}{often}")
        console.print(table)
    for household in households:
        _show_household(console, household)


def failures(places: list[Place]) -> list[Note]:
    """What `guardian-failure@` noted, of each state directory once."""
    folders = dict.fromkeys(place.state_dir / "failures" for place in places if place.state_dir)
    return [note for folder in folders for note in recent(folder)]


def _table(reports: list[Report], host: Summary | None) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for report in reports:
        doing = _plain(report.status) or ("ready" if report.ready else "starting")
        table.add_row(SYMBOLS[report.state], _plain(report.service), doing)
        for name, part in report.dependencies.items():
            if part.state != "ok":
                reason = f" [dim]({_plain(part.reason)})[/]" if part.reason else ""
                table.add_row("", f"[dim]  {_plain(name)}[/]", f"{SYMBOLS[part.state]} {_plain(part.sentence)}{reason}")
    for line in host.lines if host else []:
        table.add_row(SYMBOLS[line.state], _plain(line.service), _plain(line.sentence))
    return table


def _show_household(console: Console, household: Household) -> None:
    console.print(f"\n[bold]Household[/], as edge {_plain(household.name)} knows it")
    if household.fault:
        console.print(f"  [red]✖[/] {_plain(household.fault)}", soft_wrap=True)
    elif not household.entries:
        console.print("  [cyan]◌[/] No vault yet: sign in and set its secret, or run `guardian vault init` here.")
    else:
        console.print(f"  Words to compare in the browser: [bold]{household.words or 'run this as the edge’s user'}[/]")
        said = "confirmed by its owner" if household.confirmed else "not yet confirmed: compare the words, then confirm"
        console.print(f"  This edge is {said}. Members: {_plain(', '.join(household.members))}.")


def _plain(text: str) -> str:
    """Names and sentences are not markup, nor commands to the terminal."""
    return plain(text).replace("[", "\\[")
