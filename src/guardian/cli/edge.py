"""`guardian edge`: on the edge, enrol it; on the node, make tokens for edges and list them."""

import json
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio
import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table

from guardian.cli import gateway
from guardian.common import config
from guardian.common.errors import GuardianError

if TYPE_CHECKING:
    from guardian.contracts.node.v1 import node_pb2

# Either tier may be installed without the other: what a verb needs is imported when it runs.
app = typer.Typer(
    help="Enrol an edge; tokens for edges, and edges let go, on node and control plane.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_out = Console(highlight=False)
_CONFIG = typer.Option(
    None, "--config", metavar="FILE", help="The node's configuration; with --tenant the control plane's."
)
_TENANT = typer.Option("", "--tenant", help="On the control plane: whose node; an id of `guardian tenant list`.")
_NODE = typer.Option("", "--node", help="With --tenant, where there are several: which node.")
_PLACES = {"node": Path("/etc/guardian/node.yaml"), "control": Path("/etc/guardian/control.yaml")}
_JSON = typer.Option(False, "--json", help="Print one JSON object.")
_STATE = Path("/var/lib/guardian")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@app.command("enroll")
def enroll(
    token: str = typer.Option(..., help="The token made on the node; - reads it from standard input."),
    state_dir: Path | None = typer.Option(None, metavar="FOLDER", help="Where the edge keeps its state."),
    config_file: Path | None = typer.Option(
        None, "--config", metavar="FILE", help="The edge's configuration; --state-dir goes before what it says."
    ),
    name: str = typer.Option("", help="What people call this edge; default: this machine's name."),
    again: bool = typer.Option(False, help="Give up the identity this edge has and become a new edge."),
    as_json: bool = _JSON,
) -> None:
    """Make this edge's keys here and spend a one-time token."""
    from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig
    from guardian.edge.enroll.enrol import enrol

    text = sys.stdin.readline() if token == "-" else token  # noqa: S105
    # What the edge knows of its tunnel counts too, where nobody names a file.
    source = config_file or next((path for path in [Path(DEFAULT_CONFIG)] if path.is_file()), None)
    settings = config.load(EdgeConfig, source) if source else EdgeConfig()
    folder = state_dir or (settings.state_dir if config_file else _STATE)
    who = enrol(folder, text, (name or socket.gethostname())[:64], again=again, tunnel=settings.tunnel)
    if as_json:
        print(json.dumps({"tenant": who.tenant, "edge": who.edge, "name": who.name, "gateway": who.gateway}))
        return
    _out.print("[bold green]Enrolled.[/] Start its daemons; then confirm this edge in the browser.")
    _out.print(f"  edge   {who.edge}")
    _out.print(f"  name   {who.name}", markup=False)
    _out.print(f"  node   {who.gateway}")


@app.command("token")
def token(
    name: str = typer.Option(..., help="What people will call the edge."),
    valid: str = typer.Option("1h", help="How long the token works, e.g. 30m, 1h, 2d."),
    tenant: str = _TENANT,
    node: str = _NODE,
    config_file: Path | None = _CONFIG,
    as_json: bool = _JSON,
) -> None:
    """On the node or the control plane: make a token with which one edge enrols, once."""
    if tenant:
        from guardian.cli import edge_control

        text, expires = edge_control.token(config_file or _PLACES["control"], tenant, node, name, _seconds(valid))
    else:
        text, expires = _token_of_node(config_file, name, _seconds(valid))
    if as_json:
        print(json.dumps({"token": text, "expires": expires}))
        return
    _out.print("Run this on the edge; the token works once and is not shown again:\n")
    _out.print(f"  guardian edge enroll --token {text}\n", markup=False, soft_wrap=True)
    _out.print(f"It expires at {expires}.")


def _token_of_node(config_file: Path | None, name: str, valid_seconds: int) -> tuple[str, str]:
    from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc

    request = node_pb2.CreateEdgeTokenRequest(edge_name=name, valid_seconds=valid_seconds)

    async def ask(channel: grpc.aio.Channel) -> node_pb2.CreateEdgeTokenResponse:
        return await node_pb2_grpc.GatewayServiceStub(channel).CreateEdgeToken(request, timeout=10)

    answer = gateway.ask(config_file or _PLACES["node"], ask)
    return answer.token, _text(answer.expires_at)


@app.command("revoke")
def revoke(
    edge: str = typer.Argument(..., help="Its id, or its name where only one edge has it."),
    tenant: str = _TENANT,
    node: str = _NODE,
    config_file: Path | None = _CONFIG,
    as_json: bool = _JSON,
) -> None:
    """On the node or the control plane: let an edge go at once. It can come back only as a new edge."""
    from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc

    async def ask(channel: grpc.aio.Channel) -> node_pb2.RevokeEdgeResponse:
        request = node_pb2.RevokeEdgeRequest(edge=edge)
        return await node_pb2_grpc.GatewayServiceStub(channel).RevokeEdge(request, timeout=10)

    if tenant:
        from guardian.cli import edge_control

        edge_id, name = edge_control.revoke(config_file or _PLACES["control"], tenant, node, edge)
    else:
        answer = gateway.ask(config_file or _PLACES["node"], ask)
        edge_id, name = answer.edge_id, answer.edge_name
    if as_json:
        print(json.dumps({"edge": edge_id, "name": name}))
        return
    _out.print(f"{name} ({edge_id}) is let go: its calls have ended and the tunnel drops it.", markup=False)
    _out.print("What it recorded stays the household's. Its owner should take it off the list in the browser too.")


@app.command("list")
def list_edges(
    tenant: str = _TENANT, node: str = _NODE, config_file: Path | None = _CONFIG, as_json: bool = _JSON
) -> None:
    """On the node or the control plane: the edges enrolled."""
    if tenant:
        from guardian.cli import edge_control

        found = edge_control.listed(config_file or _PLACES["control"], tenant, node)
        if as_json:
            print(json.dumps({"edges": found}))
            return
        table = Table("name", "id", "node", "state", "last seen", box=None)
        for row in found:
            state = "[green]online[/]" if row["online"] else "[yellow]away[/]"
            table.add_row(str(row["name"]), str(row["id"]), str(row["node"]), state, str(row["last_seen"] or "never"))
        _out.print(table)
        return
    from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc

    async def ask(channel: grpc.aio.Channel) -> node_pb2.ListEdgesResponse:
        return await node_pb2_grpc.GatewayServiceStub(channel).ListEdges(node_pb2.ListEdgesRequest(), timeout=10)

    edges = gateway.ask(config_file or _PLACES["node"], ask).edges
    if as_json:
        rows = [
            {
                "id": edge.id,
                "name": edge.name,
                "online": edge.online,
                "last_seen": _text(edge.last_seen) if edge.HasField("last_seen") else None,
                "software_version": edge.status.software_version,
                "cameras": len(edge.status.cameras),
                "roster_fault": edge.status.roster_fault,
                "tunnel": _tunnel(edge) if edge.HasField("tunnel") else None,
            }
            for edge in edges
        ]
        print(json.dumps({"edges": rows}))
        return
    if not edges:
        _out.print("No edge is enrolled. `guardian edge token --name …` makes a token for one.")
        return
    table = Table("name", "id", "state", "tunnel", "cameras", "last seen", box=None)
    for edge in edges:
        state = "[green]online[/]" if edge.online else "[yellow]away[/]"
        seen = _text(edge.last_seen) if edge.HasField("last_seen") else "never"
        table.add_row(edge.name, edge.id, state, _tunnel_words(edge), str(len(edge.status.cameras)), seen)
    _out.print(table)


def _tunnel(edge: "node_pb2.EdgeInfo") -> dict[str, object]:
    info = edge.tunnel
    return {
        "address": info.address,
        "connected": info.connected,
        "endpoint": info.endpoint,
        "last_handshake": _text(info.last_handshake) if info.HasField("last_handshake") else None,
        "received_bytes": info.received_bytes,
        "sent_bytes": info.sent_bytes,
        "latency_ms": round(info.latency_ms, 1) or None,
    }


def _tunnel_words(edge: "node_pb2.EdgeInfo") -> str:
    """E.g. `10.86.0.2, 12 ms, 3.1 MB in`; a dash where the node has no hub."""
    if not edge.HasField("tunnel"):
        return "-"
    info = edge.tunnel
    words = [info.address]
    if not info.connected:
        words.append("silent")
    elif info.latency_ms:
        words.append(f"{info.latency_ms:.0f} ms")
    words.append(f"{info.received_bytes / 1e6:.1f} MB in")
    return ", ".join(words)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", text)
    if not found:
        raise GuardianError(
            f'"{text}" is no duration.', reason="duration_malformed", hint="Write for example 30m, 1h or 2d."
        )
    return int(found[1]) * _UNITS[found[2]]


def _text(stamp: Timestamp) -> str:
    return stamp.ToJsonString()
