"""A control plane's ticket office and a member's browser, as the relay sees them; and an edge with its uplink."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.integration.node.kit import Household, Node, enrolled_edge, new_event

from guardian.common.config import parse
from guardian.common.lifecycle import Service
from guardian.contracts.node.v1 import node_pb2
from guardian.edge import identity as edge_identity
from guardian.edge.config import EdgeConfig
from guardian.edge.events.store import EventStore, StoredEvent
from guardian.edge.uplink.main import run as run_uplink
from guardian.node import identity as node_identity
from guardian.node.relay.main import RelayServer
from guardian.vault.encoding import b64u, from_b64u
from guardian.vault.messages import sign_challenge, sign_event
from guardian.vault.roster_author import Author


@dataclass
class TicketOffice:
    """Mints tickets as the control plane does; a test may bend any claim."""

    node: Node
    household: Household
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def install(self) -> None:
        node_identity.save_ticket_keys(self.node.settings.state_dir, [self.key.public_key().public_bytes_raw()])

    def ticket(self, *, key: Ed25519PrivateKey | None = None, **claims: Any) -> str:
        moment = int(time.time())
        body = {
            "iss": "guardian-control",
            "aud": self.node.who.node,
            "sub": "user-1",
            "tenant": self.node.who.tenant,
            "member": self.household.author.id,
            "jti": secrets.token_hex(16),
            "iat": moment,
            "exp": moment + 60,
            "objects": [],
            "events": [],
            **claims,
        }
        return jwt.encode(body, key or self.key, algorithm="EdDSA")


@dataclass
class Browser:
    """HTTP with a member's keys behind it."""

    http: httpx.AsyncClient
    office: TicketOffice
    author: Author
    headers: dict[str, str] = field(default_factory=dict)

    async def challenge(self, ticket: str) -> httpx.Response:
        return await self.http.post("/v1/challenges", json={"ticket": ticket})

    async def answer(self, ticket: str, challenge: str, **changes: str) -> httpx.Response:
        signature = sign_challenge(self.author.keys, self.office.node.who.node, from_b64u(challenge), ticket)
        body = {"ticket": ticket, "challenge": challenge, "member": self.author.id, "signature": b64u(signature)}
        return await self.http.post("/v1/sessions", json={**body, **changes})

    async def unlock(self, **claims: Any) -> httpx.Response:
        ticket = self.office.ticket(**{"member": self.author.id, **claims})
        challenge = (await self.challenge(ticket)).json()["challenge"]
        answer = await self.answer(ticket, challenge)
        if answer.status_code == 200:
            self.headers = {"Authorization": f"Bearer {answer.json()['session']}"}
        return answer

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={**self.headers, **headers})


@asynccontextmanager
async def relay_at(node: Node) -> AsyncIterator[RelayServer]:
    """The relay on its port."""
    server = RelayServer(node.settings, node.who)
    serving = asyncio.create_task(server.serve())
    try:
        yield server
    finally:
        server.stop()
        await serving


@dataclass
class HomeEdge:
    """An edge whose uplink runs in this process."""

    who: edge_identity.Identity
    settings: EdgeConfig
    outbox: EventStore
    service: Service[EdgeConfig]
    running: asyncio.Task[None]

    def put_object(self, data: bytes, day: str = "2026-01-31") -> str:
        """Store bytes as a sealed object of the analyzer's; its id."""
        name = secrets.token_hex(16)
        folder = self.settings.state_dir / "analyzer" / "objects" / day
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.sealed").write_bytes(data)
        return name

    def emit(self, household: str, *objects: str, **fields: object) -> str:
        """Write an event into the outbox and ring; its id."""
        event = new_event(self.who, household, **fields)
        for name in objects:
            event.objects.add(id=name, kind=2).start.CopyFrom(event.start)
        data = event.SerializeToString()
        row = StoredEvent(event.id, "front", event.label, 0.0, 0.0, 1.0, 0.9, event.revision, data)
        self.outbox.save(row, sign_event(self.who.keys, data), [], [])
        return event.id

    def is_up(self, line: str) -> bool:
        found = self.service.health.get(line)
        return found is not None and found.state == "ok"

    async def stop(self) -> None:
        self.service.stop()
        await self.running


def edge_settings(folder: Path) -> EdgeConfig:
    """An edge with short ways."""
    raw = {
        "state_dir": str(folder / "state"),
        "run_dir": str(folder / "run"),
        "cameras_dir": str(folder / "cameras"),
        "uplink": {"telemetry_interval": 0.5},
    }
    return parse(EdgeConfig, raw, source="test")


async def start_edge(node: Node, folder: Path, fingerprint: str = "") -> HomeEdge:
    """Enrol an edge, or take the one in `folder`, and start its uplink."""
    settings = edge_settings(folder)
    if edge_identity.is_enrolled(settings.state_dir):
        who = edge_identity.load(settings.state_dir)
    else:
        who = await enrolled_edge(node, settings.state_dir, fingerprint=fingerprint)
    (settings.state_dir / "analyzer").mkdir(exist_ok=True)
    settings.run_dir.mkdir(exist_ok=True)
    outbox = EventStore(settings.state_dir / "analyzer" / "events.db")
    service = Service("uplink", settings, settings.run_dir, lambda: settings)
    running = asyncio.create_task(run_uplink(service))
    return HomeEdge(who, settings, outbox, service, running)


async def until(condition: Any, seconds: float = 20.0) -> Any:
    """Wait for what must become true; the value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < end, "it did not come true in time"
        await asyncio.sleep(0.05)


async def edge_info(node: Node, edge_id: str) -> node_pb2.EdgeInfo:
    """What the gateway says of an edge."""
    edges = (await node.api.ListEdges(node_pb2.ListEdgesRequest())).edges
    return next(edge for edge in edges if edge.id == edge_id)
