"""`guardian control`: the control plane's operator and its nodes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import typer

from guardian.common import config
from guardian.common.tokens import Token
from guardian.control.agents.pki import Pki
from guardian.control.config import Settings
from guardian.control.database.engine import Database
from guardian.control.nodes.service import NodeService
from guardian.control.schemas import check_id

DEFAULT = Path("/etc/guardian/control.yaml")
T = TypeVar("T")
app = typer.Typer(
    help="The control plane's operator.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Config = typer.Option(DEFAULT, "--config", help="The control plane's configuration.")
Tenant = typer.Option(..., "--tenant", help="The tenant's id: guardian tenant list.")


@app.callback()
def _group() -> None:
    """One verb or many, the words stay the same."""


@app.command("node-token")
def node_token(
    tenant: str = Tenant,
    name: str = typer.Option("node", "--name", help="What the node will be called."),
    hours: float = typer.Option(24.0, "--hours", min=0.01, max=24 * 30, help="How long it may be spent."),
    path: Path = Config,
    as_json: bool = typer.Option(False, "--json", help="For programs."),
) -> None:
    """Make a token with which one node enrols once: `guardian node enroll`."""
    settings = config.load(Settings, path)
    pki = Pki.load(settings.state_dir, settings.agents)

    async def make(nodes: NodeService) -> Token:
        address = settings.agents.enrol_advertise
        life = timedelta(hours=hours)
        return await nodes.create_token(check_id(tenant), name, address=address, pin=pki.pin, life=life)

    token = _with_nodes(settings, make)
    typer.echo(json.dumps({"token": str(token), "tenant": tenant, "name": name}) if as_json else str(token))


@app.command("node-revoke")
def node_revoke(
    tenant: str = Tenant, node: str = typer.Option(..., "--node", help="The node's id."), path: Path = Config
) -> None:
    """Refuse a node from now on. It cannot come back; a new one can be enrolled."""

    async def revoke(nodes: NodeService) -> None:
        await nodes.revoke(check_id(tenant), check_id(node))

    _with_nodes(config.load(Settings, path), revoke)
    typer.echo(f"Node {node} is refused from now on.")


def _with_nodes(settings: Settings, work: Callable[[NodeService], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(settings.database.app)
        try:
            return await work(NodeService(database))
        finally:
            await database.close()

    return asyncio.run(run())
