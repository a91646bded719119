"""`guardian node`: enrol this node with its control plane; updates for its edges."""

import json
import sys
from pathlib import Path

import typer
from rich.console import Console

from guardian.cli import node_update
from guardian.common import config
from guardian.node.config import DEFAULT_CONFIG, NodeConfig
from guardian.node.enroll.enrol import enrol

app = typer.Typer(
    help="Enrol this node with its control plane; updates for its edges.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(node_update.app, name="update")
_out = Console(highlight=False)


@app.callback()
def _group() -> None:
    return None


@app.command("enroll")
def enroll(
    token: str = typer.Option(..., help="The token from the control plane's operator; - reads it from standard input."),
    config_file: Path = typer.Option(
        Path(DEFAULT_CONFIG), "--config", metavar="FILE", help="The node's configuration."
    ),
    again: bool = typer.Option(False, help="Give up the identity this node has."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Make this node's TLS key here and spend a one-time token."""
    settings = config.load(NodeConfig, config_file)
    who = enrol(settings.state_dir, sys.stdin.readline() if token == "-" else token, again=again)  # noqa: S105
    if as_json:
        print(json.dumps({"tenant": who.tenant, "node": who.node, "agents": who.agents}))
        return
    _out.print("[bold green]Enrolled.[/] This node belongs to its control plane now.")
    _out.print(f"  node           {who.node}")
    _out.print(f"  tenant         {who.tenant}")
    _out.print(f"  control plane  {who.agents}")
