"""Real parts for the node's tests: a household with its keys, a gateway, an enrolled edge, events it signs."""

import datetime as dt
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio

from guardian.common import kept, rpc, tls
from guardian.common.clock import now
from guardian.common.config import parse
from guardian.common.ids import uuid7
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.contracts.vault.v1 import vault_pb2
from guardian.edge import identity as edge_identity
from guardian.edge.enroll.enrol import enrol_async
from guardian.node import identity as node_identity
from guardian.node.config import Caller, NodeConfig
from guardian.node.gateway.main import Gateway, start
from guardian.vault import roster_author
from guardian.vault.identity import Keys
from guardian.vault.messages import sign_event
from guardian.vault.roster import Roster, RosterEntry
from guardian.vault.roster_form import Edge

TENANT = "tenant-one"


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Household:
    """An owner, as her browser would be."""

    id: str = field(init=False)
    keys: Keys = field(default_factory=Keys.generate)

    def __post_init__(self) -> None:
        self.author, entry = roster_author.genesis("Owner", self.keys)
        self.roster = Roster.verify([entry])
        self.id = self.roster.household

    def add_edge(self, who: edge_identity.Identity) -> None:
        edge = Edge(id=who.edge, name=who.name, sign=who.keys.sign_public, receive=who.keys.receive_public)
        self._append(roster_author.add_edge(self.roster, self.author, edge))

    def revoke_edge(self, edge_id: str) -> None:
        self._append(roster_author.revoke_edge(self.roster, self.author, edge_id))

    def add_member(self, name: str) -> roster_author.Author:
        keys = Keys.generate()
        member = roster_author.describe_member(name, keys)
        self._append(roster_author.add_member(self.roster, self.author, member))
        return roster_author.Author(member.id, keys)

    def remove_member(self, member_id: str) -> None:
        self._append(roster_author.remove_member(self.roster, self.author, member_id))

    def _append(self, entry: RosterEntry) -> None:
        self.roster = self.roster.extend([entry])

    def messages(self, first: int = 0) -> list[vault_pb2.RosterEntry]:
        return [
            vault_pb2.RosterEntry(payload=entry.payload, signature=entry.signature)
            for entry in self.roster.entries[first:]
        ]


@dataclass
class Node:
    """A node that runs in this process."""

    settings: NodeConfig
    who: node_identity.Identity
    gateway: Gateway
    channel: grpc.aio.Channel
    ticket_key: "object" = None

    @property
    def api(self) -> "node_pb2_grpc.GatewayServiceAsyncStub":
        return node_pb2_grpc.GatewayServiceStub(self.channel)

    def at(self, caller: Caller) -> grpc.aio.Channel:
        """A channel to the gateway's door for one of its callers; `channel` is the agent's."""
        return rpc.socket_channel(self.settings.gateway_socket(caller))

    async def token(self, name: str = "edge", seconds: int = 3600) -> str:
        request = node_pb2.CreateEdgeTokenRequest(edge_name=name, valid_seconds=seconds)
        return (await self.api.CreateEdgeToken(request)).token

    async def give_roster(self, household: Household) -> None:
        request = node_pb2.AppendRosterRequest(first=0, entries=household.messages())
        await self.api.AppendRoster(request)

    async def close(self) -> None:
        await self.channel.close()
        await self.gateway.stop()


def node_settings(folder: Path, listen: str = "127.0.0.1:0", **relay: object) -> NodeConfig:
    """A node whose ports are chosen by the system."""
    return parse(
        NodeConfig,
        {
            "state_dir": str(folder / "state"),
            "run_dir": str(folder / "run"),
            "gateway": {"listen": listen, "enrol_listen": "127.0.0.1:0", "advertise": "127.0.0.1:0"},
            "relay": {"listen": "127.0.0.1:0", "ui_origin": "http://ui.test:8080", **relay},
        },
        source="test",
    )


def make_identity(settings: NodeConfig, ticket_keys: list[bytes] | None = None) -> node_identity.Identity:
    """What `guardian node enroll` leaves behind, by a control plane that only this test knows."""
    authority = tls.Authority.create("control")
    key = tls.new_key()
    who = node_identity.Identity(tenant=TENANT, node=secrets.token_hex(16), agents="127.0.0.1:1")
    certificate = authority.issue_client(key.public_key(), f"guardian://{TENANT}/node/{who.node}")
    parts = node_identity.parts(
        who,
        tls_key=tls.key_pem(key),
        tls_certificate=tls.cert_pem(certificate),
        ca=tls.cert_pem(authority.certificate),
        ticket_keys=ticket_keys or [bytes(32)],
    )
    kept.put(settings.state_dir, parts)
    return who


async def open_node(folder: Path, listen: str = "127.0.0.1:0") -> Node:
    """A gateway on `folder`, with the identity it has or a new one."""
    settings = node_settings(folder, listen)
    try:
        who = node_identity.load(settings.state_dir)
    except node_identity.IdentityError:
        who = make_identity(settings)
    gateway = await start(settings, who)
    return Node(settings, who, gateway, rpc.socket_channel(settings.gateway_socket("agent")))


async def enrolled_edge(node: Node, folder: Path, name: str = "edge", fingerprint: str = "") -> edge_identity.Identity:
    """An edge that came with a token, as strangers do; `fingerprint`: of the household its seed named."""
    return await enrol_async(folder, await node.token(name), name, fingerprint=fingerprint)


def edge_channel(who: edge_identity.Identity) -> grpc.aio.Channel:
    """The edge's own mTLS channel."""
    return rpc.mutual_channel(who.gateway, who.folder)


def edge_stub(channel: grpc.aio.Channel) -> "edge_pb2_grpc.EdgeServiceAsyncStub":
    """Typed for grpc.aio."""
    return edge_pb2_grpc.EdgeServiceStub(channel)


def new_event(who: edge_identity.Identity, household: str, **fields: object) -> edge_pb2.Event:
    """A well-formed event of this edge, with fields replaced as the test wishes."""
    start = now() - dt.timedelta(seconds=30)
    event = edge_pb2.Event(
        id=str(uuid7()),
        revision=1,
        household_id=household,
        edge_id=who.edge,
        camera_id="front",
        label="person",
        top_score=0.9,
        frame_width=1920,
        frame_height=1080,
    )
    event.start.FromDatetime(start)
    event.end.FromDatetime(start + dt.timedelta(seconds=10))
    box = edge_pb2.BoundingBox(x=0.1, y=0.1, width=0.2, height=0.4)
    event.path.add(box=box, score=0.9).time.FromDatetime(start)
    for name, value in fields.items():
        setattr(event, name, value)
    return event


def signed(who: edge_identity.Identity, event: edge_pb2.Event) -> edge_pb2.SignedEvent:
    """As the analyzer signs it."""
    data = event.SerializeToString()
    return edge_pb2.SignedEvent(event=data, signature=sign_event(who.keys, data))
