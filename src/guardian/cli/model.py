"""`guardian model`: the detector models this release knows, and whether they are here and undamaged."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from guardian.cli.places import DEMO, SYSTEM
from guardian.common import config as configuration
from guardian.edge.config import EdgeConfig
from guardian.edge.models.catalogue import catalogue
from guardian.edge.models.library import Found, Library

app = typer.Typer(
    help="Detection models: list, fetch, verify.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

MARKS = {"good": "[green]here[/]", "damaged": "[red]damaged[/]", "missing": "[dim]not here[/]"}
Config = Annotated[Path | None, typer.Option("--config", help="edge.yaml; by default this host's or the demo's.")]
Folder = Annotated[Path | None, typer.Option("--folder", help="Where models are kept, instead of the edge's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command(name="list")
def list_models(config: Config = None, folder: Folder = None, as_json: AsJson = False) -> None:
    """Show the catalogue: name, licence, source, and whether the model is on this machine."""
    found = _library(config, folder).list_models()
    if as_json:
        typer.echo(json.dumps([describe(item) for item in found], indent=2))
        return
    table = Table(box=None, header_style="bold")
    for title in ("Model", "Input", "Licence", "Size", "State", "Source"):
        table.add_column(title, overflow="fold")
    for item in found:
        entry = item.entry
        name = f"{entry.name} [dim](default)[/]" if entry.default else entry.name
        size = f"{entry.size / 1e6:.1f} MB"
        source = f"{entry.source.repository} @ {entry.source.commit[:12]}"
        table.add_row(name, "x".join(map(str, entry.input)), entry.licence, size, MARKS[item.condition], source)
    Console().print(table)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="By default the catalogue's default model.")] = "",
    config: Config = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Download a model from its pinned source and check its SHA-256; the running analyzer takes it by itself."""
    library = _library(config, folder)
    wanted = name or catalogue().default.name
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), disable=as_json or not sys.stderr.isatty()) as bar:
        task = bar.add_task(wanted, total=None)
        found = library.fetch(wanted, lambda done, total: bar.update(task, completed=done, total=total))
    _show_one(found, as_json)


@app.command()
def verify(
    name: Annotated[str, typer.Argument(help="By default every model that is here.")] = "",
    config: Config = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Hash models and compare with the catalogue. Exit status 1 when one is damaged, or the one named is missing."""
    library = _library(config, folder)
    found = [library.verify(name)] if name else [item for item in library.list_models() if item.path]
    if as_json:
        typer.echo(json.dumps([describe(item) for item in found], indent=2))
    else:
        for item in found:
            Console().print(f"{item.entry.name}: {MARKS[item.condition]} {item.path or ''}", soft_wrap=True)
        if not found:
            Console().print("No model of the catalogue is on this machine. Run: guardian model fetch")
    raise typer.Exit(0 if all(item.condition == "good" for item in found) else 1)


def describe(found: Found) -> dict[str, Any]:
    """One model, for programs."""
    entry = found.entry
    return {
        "name": entry.name,
        "title": entry.title,
        "default": entry.default,
        "head": entry.head,
        "input": list(entry.input),
        "precision": entry.precision,
        "labels": list(entry.labels),
        "licence": entry.licence,
        "source": entry.source.model_dump(),
        "sha256": entry.sha256,
        "size": entry.size,
        "state": found.condition,
        "path": str(found.path) if found.path else None,
    }


def _show_one(found: Found, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(describe(found), indent=2))
    else:
        Console().print(f"{found.entry.name} is here: {found.path}", soft_wrap=True)


def _library(config: Path | None, folder: Path | None) -> Library:
    """Of the folder named, of the edge configured, or of the default edge."""
    if folder is not None:
        return Library(folder)
    candidates = [base / "edge.yaml" for base in (SYSTEM, DEMO)]
    path = config or next((item for item in candidates if item.is_file()), None)
    settings = configuration.load(EdgeConfig, path) if path else EdgeConfig()
    return Library(settings.model_dir)
