"""`guardian node update`: systems and releases that this node hands on to its edges, and to how many of them."""

import json
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import grpc.aio
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from guardian.cli import gateway
from guardian.common import config, seed_image
from guardian.common.bundle import CHANNEL
from guardian.common.errors import GuardianError
from guardian.node.config import DEFAULT_CONFIG, NodeConfig
from guardian.node.updates import shelf
from guardian.node.updates.rollout import Bundle, Catalogue, share

if TYPE_CHECKING:
    from guardian.contracts.node.v1 import node_pb2

app = typer.Typer(
    help="Systems and releases for this node's edges: bring one, roll it out step by step, pause it.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_out = Console(highlight=False)
_err = Console(highlight=False, stderr=True)
Version = Annotated[str, typer.Argument(metavar="VERSION", help="As `guardian node update list` shows it.")]
PercentOption = Annotated[int, typer.Option("--percent", min=0, max=100, help="Of the channel's edges.")]
KindOption = Annotated[
    str | None,
    typer.Option("--kind", help="edge (systems of images) or edge-release; only where a version is there of both."),
]
ConfigFile = Annotated[Path, typer.Option("--config", metavar="FILE", help="The node's configuration.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_CONFIG = Path(DEFAULT_CONFIG)
_MANY = 12


def _channel(value: str) -> str:
    if not re.fullmatch(CHANNEL, value):
        raise typer.BadParameter("a channel is up to 32 of a-z, 0-9 and -, and begins with a letter")
    return value


ChannelOption = Annotated[
    str, typer.Option("--channel", callback=_channel, help="Of edges' `update.channel`, or as pinned here.")
]


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The bundle, as it was published.")],
    channel: ChannelOption = "stable",
    percent: PercentOption = 10,
    config_file: ConfigFile = _CONFIG,
    as_json: AsJson = False,
) -> None:
    """Verify a bundle, keep a copy of it, and offer it to a part of a channel's edges."""
    settings = config.load(NodeConfig, config_file)
    keys = seed_image.trusted(settings.updates.keys)
    if not keys:
        raise GuardianError(
            f"There is no key in {settings.updates.keys} by which a bundle could be told from a forgery.",
            reason="update_keys_missing",
            hint="Put the public key of whoever makes your images there, as NAME.pub.",
        )
    with shelf.writing(shelf.folder_of(settings.state_dir)) as writer, Progress(console=_err, transient=True) as bar:
        task = bar.add_task("copying and verifying", total=1.0)
        item = writer.add(file, keys, {channel: percent}, lambda part: bar.update(task, completed=part))
    _say(item, as_json)


@app.command()
def rollout(
    version: Version,
    percent: PercentOption,
    channel: ChannelOption = "stable",
    kind: KindOption = None,
    config_file: ConfigFile = _CONFIG,
    as_json: AsJson = False,
) -> None:
    """Offer a version to so many of a channel's edges; a pause ends. Who was in before stays in as it grows."""
    with _writing(config_file) as writer:
        item = writer.roll_out(version, channel, percent, kind)
    _say(item, as_json)


@app.command()
def pause(
    version: Version, kind: KindOption = None, config_file: ConfigFile = _CONFIG, as_json: AsJson = False
) -> None:
    """Offer a version to nobody, and break off its downloads, until the next `rollout`."""
    with _writing(config_file) as writer:
        item = writer.pause(version, kind)
    _say(item, as_json)


@app.command()
def remove(version: Version, kind: KindOption = None, config_file: ConfigFile = _CONFIG) -> None:
    """Take a version away. Edges that run it go on with it."""
    with _writing(config_file) as writer:
        writer.remove(version, kind)
    _out.print(f"{version} is gone.", markup=False)


@app.command()
def pin(
    edge: Annotated[str, typer.Argument(metavar="EDGE", help="Its id, or its name where only one edge has it.")],
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="- lets the edge say its channel itself.")],
    config_file: ConfigFile = _CONFIG,
) -> None:
    """Say on the node which channel an edge is in, whatever its own configuration says."""
    found = [item for item in _edges(config_file) if edge in (item.id, item.name)]
    if len(found) != 1:
        raise GuardianError(
            "Several edges have this name." if found else "This node has no such edge.",
            reason="edge_ambiguous" if found else "edge_unknown",
            hint="Say its id: `guardian edge list`.",
        )
    with _writing(config_file) as writer:
        writer.pin(found[0].id, None if channel == "-" else _channel(channel))
    said = "is in the channel it says itself" if channel == "-" else f"is in channel {channel}"
    _out.print(f"{found[0].name} {said}.", markup=False)


@app.command("list")
def list_bundles(config_file: ConfigFile = _CONFIG, as_json: AsJson = False) -> None:
    """The bundles, how far each is rolled out, and how many edges run which version."""
    catalogue = shelf.read(shelf.folder_of(config.load(NodeConfig, config_file).state_dir))
    fault, edges = "", []
    try:
        edges = _edges(config_file)
    except GuardianError as error:
        fault = str(error)
    running = _running(edges)
    if as_json:
        rows = [item.model_dump() | {"running": running.get(item.version, 0)} for item in catalogue.bundles]
        print(json.dumps({"bundles": rows, "pins": catalogue.pins, "edges": running, "fault": fault}))
        return
    if not catalogue.bundles:
        _out.print("There is no bundle. `guardian node update add FILE` brings one.")
    else:
        _out.print(_table(catalogue, edges, running))
    for version, count in sorted(running.items()):
        _out.print(f"{count} edges run {version or 'a version they have not said'}.", markup=False)
    names = {item.id: item.name for item in edges}
    for edge, channel in list(catalogue.pins.items())[:_MANY]:
        _out.print(f"{names.get(edge, edge)} is pinned to channel {channel}.", markup=False)
    if fault:
        _err.print(fault, markup=False)


def _table(catalogue: Catalogue, edges: "list[node_pb2.EdgeInfo]", running: dict[str, int]) -> Table:
    table = Table("version", "kind", "size", "made", "offered to", "in its share", "running", box=None)
    for item in sorted(catalogue.bundles, key=lambda item: item.created, reverse=True):
        channels = ", ".join(f"{percent} % of {name}" for name, percent in sorted(item.channels.items()))
        # An edge's channel is known when it asks: here, how many would be in if it were in the widest.
        inside = sum(share(edge.id, item.version) < max(item.channels.values()) for edge in edges)
        table.add_row(
            item.version,
            item.kind,
            f"{item.size / 1e6:.0f} MB",
            item.created[:10],
            "[yellow]nobody: paused[/]" if item.paused else channels,
            f"{inside} of {len(edges)}",
            str(running.get(item.version, 0)),
        )
    return table


def _running(edges: "list[node_pb2.EdgeInfo]") -> dict[str, int]:
    """How many edges run each version, as they said last."""
    counts: dict[str, int] = {}
    for edge in edges:
        version = edge.status.software_version
        counts[version] = counts.get(version, 0) + 1
    return counts


def _writing(config_file: Path) -> AbstractContextManager[shelf.Writer]:
    return shelf.writing(shelf.folder_of(config.load(NodeConfig, config_file).state_dir))


def _edges(config_file: Path) -> "list[node_pb2.EdgeInfo]":
    from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc

    async def ask(channel: grpc.aio.Channel) -> node_pb2.ListEdgesResponse:
        return await node_pb2_grpc.GatewayServiceStub(channel).ListEdges(node_pb2.ListEdgesRequest(), timeout=10)

    return list(gateway.ask(config_file, ask).edges)


def _say(item: Bundle, as_json: bool) -> None:
    if as_json:
        print(json.dumps(item.model_dump()))
        return
    if item.paused:
        _out.print(f"{item.version} is offered to nobody. Edges that run it go on with it.")
        return
    for name, percent in sorted(item.channels.items()):
        _out.print(f"{item.version} is offered to {percent} % of the edges in channel {name}.")
