"""`guardian camera check`: whether a camera's file is good, before it replaces one that is."""

from pathlib import Path

import typer

from guardian.common import config
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig, read_camera

app = typer.Typer(help="Cameras' files.", no_args_is_help=True, add_completion=False)


@app.callback()
def _group() -> None:
    """One verb or many, the words stay the same."""


@app.command("check")
def check(
    file: Path = typer.Argument(..., metavar="FILE", help="A camera's file, wherever it lies."),
    config_file: Path = typer.Option(
        Path(DEFAULT_CONFIG),
        "--config",
        metavar="FILE",
        help="The edge's configuration, which the camera's is laid over.",
    ),
) -> None:
    """Exit status 0 when the file is good; else a sentence says which key is not. Changes nothing."""
    read_camera(config.load(EdgeConfig, config_file), "checked", file)
    typer.echo(f"{file}: good")
