"""A running control plane and the strangers who come to it: households with a browser, a node and a vault."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx

from guardian.common import rpc, tls
from guardian.common.ids import random_id, uuid7
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.contracts.control.v1 import control_pb2_grpc
from guardian.control.accounts.service import AccountService
from guardian.control.agents.pki import Pki
from guardian.control.agents.server import AgentsServer
from guardian.control.api.context import Context
from guardian.control.api.server import ApiServer
from guardian.control.config import Settings
from guardian.control.nodes.service import NodeService
from guardian.control.tenants.service import TenantService
from guardian.vault import roster_author
from guardian.vault.encoding import b64u
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster, RosterEntry
from guardian.vault.roster_form import Edge

PASSWORD = "a password of ample length"
HEADERS = {"X-Guardian-Request": "1"}
RELAY = "http://127.0.0.1:9443"


@dataclass
class World:
    """Both daemons of the control plane, in this process, on ports of their own."""

    settings: Settings
    context: Context
    api: ApiServer
    agents: AgentsServer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api.port}"

    @property
    def accounts(self) -> AccountService:
        return self.context.accounts

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=HEADERS, timeout=20)

    async def tenant(self, email: str, name: str = "Home") -> str:
        return await TenantService(self.context.database).create(self.accounts, name, email, PASSWORD, "Owner")

    async def token(self, tenant_id: str, *, life: timedelta = timedelta(hours=1)) -> Any:
        pin = Pki.load(self.settings.state_dir, self.settings.agents).pin
        address = f"127.0.0.1:{self.agents.enrol_port}"
        nodes = NodeService(self.context.database)
        return await nodes.create_token(tenant_id, "node", address=address, pin=pin, life=life)

    async def enrol(self, token: Any, key: tls.PrivateKey) -> pb.EnrolResponse:
        async with await rpc.pinned_channel(token) as channel:
            stub = control_pb2_grpc.NodeEnrolmentServiceStub(channel)
            request = pb.EnrolRequest(token_secret=token.secret, csr_der=tls.new_csr(key), software_version="test")
            return await stub.Enrol(request, timeout=10)

    def channel(self, key: tls.PrivateKey, certificate: bytes, ca: bytes) -> grpc.aio.Channel:
        from cryptography import x509

        credentials = grpc.ssl_channel_credentials(
            tls.cert_pem(x509.load_der_x509_certificate(ca)),
            tls.key_pem(key),
            tls.cert_pem(x509.load_der_x509_certificate(certificate)),
        )
        return grpc.aio.secure_channel(f"127.0.0.1:{self.agents.port}", credentials, options=rpc.CLIENT_OPTIONS)

    @asynccontextmanager
    async def household(self) -> AsyncIterator["Household"]:
        """A tenant whose owner is logged in and whose node is enrolled."""
        email = f"{random_id().hex()}@example.org"
        tenant_id = await self.tenant(email)
        key = tls.new_key()
        answer = await self.enrol(await self.token(tenant_id), key)
        async with self.browser() as browser, self.channel(key, answer.certificate_der, answer.ca_der[0]) as channel:
            household = Household(self, tenant_id, email, browser, answer, key, channel)
            await household.log_in()
            yield household


@dataclass
class Household:
    """One tenant's people and machines."""

    world: World
    tenant_id: str
    email: str
    browser: httpx.AsyncClient
    enrolment: pb.EnrolResponse
    key: tls.PrivateKey
    channel: grpc.aio.Channel
    edge_id: str = field(default_factory=lambda: random_id().hex())
    edge_keys: Keys = field(default_factory=Keys.generate)
    member_keys: Keys = field(default_factory=Keys.generate)
    entries: list[RosterEntry] = field(default_factory=list)
    author: roster_author.Author | None = None

    @property
    def node_id(self) -> str:
        return str(self.enrolment.node_id)

    @property
    def stub(self) -> Any:
        return control_pb2_grpc.AgentServiceStub(self.channel)

    async def log_in(self) -> None:
        login = {"email": self.email, "password": PASSWORD}
        (await self.browser.post("/api/v1/session", json=login)).raise_for_status()

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.browser.get(f"/api/v1{path}", params=query)
        answer.raise_for_status()
        return answer.json()

    async def report(
        self,
        *,
        cameras: Sequence[str] = ("front",),
        online: bool = True,
        relay: str = RELAY,
        name: str = "Hallway box",
        enrolled: datetime | None = None,
    ) -> Any:
        now = datetime.now(UTC)
        health = pb.EdgeHealth(
            id=self.edge_id,
            name=name,
            sign_public=self.edge_keys.sign_public,
            receive_public=self.edge_keys.receive_public,
            online=online,
            software_version="1",
            detector_state=pb.HealthState.HEALTH_STATE_OK,
        )
        if enrolled is not None:
            health.enrolled_at.FromDatetime(enrolled)
        for camera in cameras:
            health.cameras.add(
                id=camera, name=camera.title(), state=pb.HealthState.HEALTH_STATE_OK, fps=15.0, recording=True
            ).last_frame.FromDatetime(now)
        return await self.stub.ReportHealth(pb.ReportHealthRequest(relay_url=relay, edges=[health]))

    def summary(self, **changes: Any) -> pb.EventSummary:
        """A good summary of a visit just now; `start` and `end` are datetimes."""
        times = {name: changes.pop(name, None) for name in ("start", "end")}
        values = {"id": str(uuid7()), "revision": 1, "edge_id": self.edge_id, "camera_id": "front", "label": "person"}
        summary = pb.EventSummary(**{**values, **changes})
        summary.start.FromDatetime(times["start"] or datetime.now(UTC))
        if times["end"] is not None:
            summary.end.FromDatetime(times["end"])
        if "objects" not in changes:
            clip = summary.objects.add(id=random_id().hex(), kind=pb.MediaKind.MEDIA_KIND_CLIP)
            clip.start.FromDatetime(datetime.now(UTC))
        return summary

    async def send(self, *summaries: pb.EventSummary) -> list[pb.RefusedSummary]:
        """Send and wait until all are acknowledged; what was refused."""
        call = self.stub.SendSummaries()
        for position, summary in enumerate(summaries, 1):
            await call.write(pb.SendSummariesRequest(position=position, summary=summary))
        await call.done_writing()
        refused: list[pb.RefusedSummary] = []
        acknowledged = 0
        async for answer in call:
            acknowledged = answer.acknowledged
            refused += answer.refused
        assert acknowledged == len(summaries)
        return refused

    def begin_roster(self) -> list[RosterEntry]:
        self.author, first = roster_author.genesis("Owner", self.member_keys)
        self.entries = [first]
        return self.entries

    def add_edge(self) -> RosterEntry:
        assert self.author is not None
        edge = Edge(
            id=self.edge_id,
            name="Hallway box",
            sign=self.edge_keys.sign_public,
            receive=self.edge_keys.receive_public,
        )
        self.entries.append(roster_author.add_edge(Roster.verify(self.entries), self.author, edge))
        return self.entries[-1]

    async def post_roster(self, first: int, entries: Sequence[RosterEntry]) -> httpx.Response:
        wire = [{"payload": b64u(entry.payload), "signature": b64u(entry.signature)} for entry in entries]
        return await self.browser.post("/api/v1/vault/roster", json={"first": first, "entries": wire})


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[World]:
    """Start both daemons' insides; stop them cleanly."""
    stopping = asyncio.Event()
    context = Context.create(settings, stopping)
    api, agents = ApiServer(context), AgentsServer(settings, context.database, context.listener)
    listening = asyncio.create_task(context.listener.run(stopping))
    try:
        await api.start()
        await agents.start()
        await asyncio.wait_for(context.listener.listening.wait(), 10)
        yield World(settings, context, api, agents)
    finally:
        await api.stop()
        await agents.stop()
        await listening
        await context.database.close()


def settings_for(folder: Path, dsn: str, owner_dsn: str, **api: Any) -> Settings:
    """A control.yaml for tests: ports chosen by the system."""
    return Settings.model_validate(
        {
            "state_dir": folder / "state",
            "run_dir": folder / "run",
            "database": {"dsn": dsn, "owner_dsn": owner_dsn},
            "api": {"listen": "127.0.0.1:0", "public_url": "http://127.0.0.1:8080", **api},
            "agents": {"listen": "127.0.0.1:0", "enrol_listen": "127.0.0.1:0"},
        }
    )
