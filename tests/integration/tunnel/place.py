"""Node and edges as a household has them, driven over the node's own socket."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from tests.integration.node.kit import make_identity, new_event
from tests.integration.tunnel.wires import Host, Wires, read_json, until

from guardian.common import rpc
from guardian.common.config import load
from guardian.common.files import private_folder
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.edge import identity
from guardian.edge.events.store import EventStore, StoredEvent
from guardian.node.config import Caller, NodeConfig
from guardian.vault.messages import sign_event

NAME = "hub.test"
NETWORK = "10.99.0.0/16"
HUB, GATEWAY = "10.99.0.1", "10.99.0.1:7443"


@dataclass
class Place:
    """One node, its first edge, others as a test wants them."""

    wires: Wires
    node: Host
    node_config: Path
    edges: dict[str, Host] = field(default_factory=dict)
    configs: dict[str, Path] = field(default_factory=dict)

    @property
    def edge(self) -> Host:
        """The first edge."""
        return self.edges["e"]

    @property
    def settings(self) -> NodeConfig:
        """The node's configuration."""
        return load(NodeConfig, self.node_config, {})

    @asynccontextmanager
    async def api(self, caller: Caller = "operator") -> AsyncIterator["node_pb2_grpc.GatewayServiceAsyncStub"]:
        """The gateway's socket for one of its callers."""
        async with rpc.socket_channel(self.settings.gateway_socket(caller)) as channel:
            yield node_pb2_grpc.GatewayServiceStub(channel)

    async def start_hub(self) -> None:
        """The hub's daemon, its interface there."""
        await self.node.daemon("hub", "guardian.node.hub.main", self.node_config)
        await until(lambda: self.node.is_ready("hub"))

    async def start_gateway(self) -> None:
        """The gateway; it binds to the hub's address."""
        await self.node.daemon("gateway", "guardian.node.gateway.main", self.node_config)
        await until(lambda: self.node.is_ready("gateway"))

        async def knows_the_hub() -> bool:
            return await self.node.state_of("hub", "peers") == "ok"

        await until(knows_the_hub)

    async def token(self, name: str = "Front") -> str:
        """A one-time token."""
        async with self.api() as api:
            answer = await api.CreateEdgeToken(node_pb2.CreateEdgeTokenRequest(edge_name=name, valid_seconds=24 * 3600))
            return answer.token

    async def listed(self) -> list[node_pb2.EdgeInfo]:
        """What the node knows of its edges."""
        async with self.api() as api:
            return list((await api.ListEdges(node_pb2.ListEdgesRequest())).edges)

    def add_host(self, letter: str, number: int) -> Host:
        """A host that is to become an edge."""
        host = self.wires.host(letter, number)
        host.knows({NAME: self.node.address})
        (host.folder / "cameras").mkdir()
        self.edges[letter] = host
        self.configs[letter] = host.write(
            "edge.yaml",
            {
                "state_dir": str(host.folder / "state"),
                "run_dir": str(host.folder / "run"),
                "cameras_dir": str(host.folder / "cameras"),
                "uplink": {"telemetry_interval": 0.5},
                "tunnel": {
                    "driver": "userspace",
                    "interface": host.interface,
                    "network": NETWORK,
                    "ping_interval": 0.3,
                },
            },
        )
        return host

    async def enrol(self, letter: str, *more: str) -> identity.IdentityFile:
        """As an operator of the edge does it."""
        host, token = self.edges[letter], await self.token(letter)
        code = "from guardian.cli.main import main; main()"
        words = ["edge", "enroll", "--token", token, "--config", str(self.configs[letter]), *more]
        done = await host.call(sys.executable, "-c", code, *words)
        assert done.returncode == 0, done.stderr
        return identity.load_file(host.folder / "state")

    async def start_tunnel(self, letter: str = "e") -> None:
        """The edge's end, until the hub answers."""
        host = self.edges[letter]
        if "wireguard-go" not in host.running:
            await host.wireguard()
        await host.daemon("tunnel", "guardian.edge.tunnel.main", self.configs[letter])
        await until(lambda: host.is_ready("tunnel"))

    async def connected(self, letter: str = "e") -> None:
        """Wait until the hub answers this edge."""
        host = self.edges[letter]

        async def answers() -> bool:
            return await host.state_of("tunnel", "hub") == "ok"

        await until(answers)

    async def edge_up(self, letter: str = "e", number: int = 10) -> Host:
        """A new edge, enrolled, its tunnel up."""
        host = self.add_host(letter, number)
        await self.enrol(letter)
        await self.start_tunnel(letter)
        await self.connected(letter)
        return host

    async def start_uplink(self, letter: str = "e") -> None:
        """The edge's line to the gateway."""
        host = self.edges[letter]
        await host.daemon("uplink", "guardian.edge.uplink.main", self.configs[letter])
        await until(lambda: host.is_ready("uplink"))

    def emit(self, household: str, letter: str = "e") -> str:
        """An event into the edge's outbox, as the analyzer writes it; its id."""
        host = self.edges[letter]
        who = identity.load(host.folder / "state")
        event = new_event(who, household)
        data = event.SerializeToString()
        row = StoredEvent(event.id, "front", event.label, 0.0, 0.0, 1.0, 0.9, event.revision, data)
        folder = private_folder(host.folder / "state" / "analyzer")
        store = EventStore(folder / "events.db")
        try:
            store.save(row, sign_event(who.keys, data), [], [])
        finally:
            store.close()
        return event.id

    async def stored(self) -> list[str]:
        """Ids of the events the node has."""
        found: list[str] = []
        async with self.api("agent") as api:
            call = api.WatchEvents(node_pb2.WatchEventsRequest(after=0), timeout=1)
            try:
                async for answer in call:
                    found += [edge_pb2.Event.FromString(answer.event.event).id]
            except grpc.aio.AioRpcError as error:
                # It ends by its deadline: the stream has no end of its own.
                if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise
        return found

    def tunnel_file(self, letter: str = "e") -> dict[str, Any]:
        """What the node told the edge."""
        found: dict[str, Any] = read_json(self.edges[letter].folder / "state" / "identity" / "tunnel.json")
        return found


async def open_place(switch: Wires, network: str = NETWORK, **hub: object) -> Place:
    """A node whose hub and gateway run."""
    node = switch.host("n", 1)
    config = node.write(
        "node.yaml",
        {
            "state_dir": str(node.folder / "state"),
            "run_dir": str(node.folder / "run"),
            "gateway": {"enrol_listen": "0.0.0.0:7444", "enrol_advertise": "192.0.2.1:7444"},
            "hub": {
                "enabled": True,
                "network": network,
                "endpoint": f"{NAME}:51820",
                "driver": "userspace",
                "interface": node.interface,
                "ping_interval": 0.3,
                **hub,
            },
        },
    )
    place = Place(switch, node, config)
    make_identity(place.settings)
    await node.wireguard()
    await place.start_hub()
    await place.start_gateway()
    return place
