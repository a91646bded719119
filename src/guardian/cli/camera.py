"""`guardian camera check`: is a camera's file good, before it replaces one that is? `find`: what is plugged in?"""

from pathlib import Path

import typer

from guardian.common import config
from guardian.edge import v4l2
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig, read_camera

app = typer.Typer(
    help="Cameras, and their files.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


@app.command("find")
def find() -> None:
    """Say what is plugged into this machine: the `path` for a camera's file, and what the device calls itself."""
    found: dict[str, list[v4l2.Node]] = {}
    for node in v4l2.nodes():
        found.setdefault(node.source, []).append(node)
    for source, nodes in found.items():
        offers = [offer for node in nodes for offer in _offers(node)]
        if offers:
            typer.echo(f"{source}  {nodes[0].card or 'without a name'} ({', '.join(dict.fromkeys(offers))})")
    if not found:
        typer.echo("No camera is plugged into this machine.")


def _offers(node: v4l2.Node) -> list[str]:
    """The formats of its pictures, none where it gives none."""
    try:
        with v4l2.opened(node.kernel) as descriptor:
            return list(v4l2.formats(descriptor))
    except OSError as error:
        return [f"/dev/{node.kernel} cannot be asked: {error.strerror}"]
