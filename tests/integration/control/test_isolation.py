"""Two tenants: every route and every call is tried with the other's ids. The lists are generated, not written."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from cryptography import x509
from tests.integration.control.world import Household, World

from guardian.common import tls
from guardian.common.clock import now
from guardian.common.ids import random_id, uuid7
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.contracts.vault.v1 import vault_pb2
from guardian.control.agents.pki import Pki
from guardian.control.api.app import create_app, openapi
from guardian.control.config import ApiSection
from guardian.control.images.repository import ImageRepository
from guardian.control.orders.repository import OrderRepository
from guardian.vault import commands, slots
from guardian.vault.encoding import b64u
from guardian.vault.roster import Roster

DOCUMENT = openapi(create_app(ApiSection()))
ROUTES = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
METHODS = sorted(pb.DESCRIPTOR.services_by_name["AgentService"].methods_by_name)
# Whoever is logged in may ask these of anyone: they name no object.
PUBLIC = {("get", "/api/v1/health/live"), ("get", "/api/v1/health/ready"), ("post", "/api/v1/session")}
IMAGE = "guardian-1"


@dataclass
class Victim:
    """Everything of one household that another could name."""

    household: Household
    event_id: str
    object_id: str
    slot: dict[str, Any]
    command: dict[str, str]
    order: str
    image: str

    def names(self) -> dict[str, Any]:
        """Values by the names routes and messages use for them."""
        return {
            "event_id": self.event_id,
            "edge_id": self.household.edge_id,
            "camera_id": "front",
            "slot_id": self.slot["id"],
            "command_id": self.command["id"],
            "node_id": self.household.node_id,
            "objects": [self.object_id],
            "events": [self.event_id],
            "image_id": self.image,
            "file_name": f"{IMAGE}-{self.image[:8]}",
        }

    def secrets(self) -> Iterator[str]:
        """Texts that no answer to another tenant may hold."""
        yield from (self.event_id, self.object_id, self.household.edge_id, self.household.node_id, self.image)
        yield from (self.household.tenant_id, self.household.email, self.slot["ct"], self.command["payload"])
        yield from (b64u(entry.payload)[:200] for entry in self.household.entries)

    async def snapshot(self) -> dict[str, Any]:
        """All the household sees, from every listing route."""
        paths = [path for method, path in ROUTES if method == "get" and "{" not in path and not path.endswith("stream")]
        found = {path: (await self.household.browser.get(path)).json() for path in paths}
        for path in (f"/api/v1/commands/{self.command['id']}", f"/api/v1/events/{self.event_id}"):
            found[path] = (await self.household.browser.get(path)).json()
        return found


async def furnish(home: Household) -> Victim:
    """Give a household one of everything."""
    await home.report()
    summary = home.summary()
    await home.send(summary)
    home.begin_roster()
    home.add_edge()
    (await home.post_roster(0, home.entries)).raise_for_status()
    assert home.author is not None
    roster = Roster.verify(home.entries)
    slot = json.loads(
        slots.create_with_recovery(bytes(16), roster.household, home.author.id, home.member_keys).to_json()
    )
    (await home.browser.put(f"/api/v1/vault/slots/{slot['id']}", json=slot)).raise_for_status()
    command = make_command(home)
    (await home.browser.post("/api/v1/commands", json=command)).raise_for_status()
    return Victim(home, summary.id, summary.objects[0].id, slot, command, await give_order(home), await add_image(home))


async def give_order(home: Household) -> str:
    """An order to the house's node that nobody has answered yet."""
    moment = now()
    async with home.world.context.database.tenant(home.tenant_id) as scope:
        order = pb.Order(id=str(uuid7()), revoke_edge=pb.RevokeEdgeOrder(edge="Loft"))
        later = moment + timedelta(minutes=2)
        await OrderRepository(scope).add(order.id, home.node_id, order.SerializeToString(), moment, later)
    return order.id


async def add_image(home: Household) -> str:
    """A seed of the house's for an image; its id."""
    moment, image_id = now(), random_id().hex()
    values = {"id": image_id, "node_id": home.node_id, "image": f"{IMAGE}.iso", "name": "Loft", "size": 1 << 20}
    values |= {"image_sha256": bytes(32), "sha256": bytes(32), "region": b"region"}
    values |= {"created_at": moment, "expires_at": moment + timedelta(hours=1)}
    async with home.world.context.database.tenant(home.tenant_id) as scope:
        await ImageRepository(scope).add(values)
    return image_id


def make_command(home: Household) -> dict[str, str]:
    """A command as the browser would sign it."""
    assert home.author is not None
    command_id, roster = str(uuid7()), Roster.verify(home.entries)
    payload, signature = commands.make_command(
        home.author,
        roster,
        home.edge_id,
        command_id,
        {"type": "ping"},
        issued=now(),
        expires=now() + timedelta(hours=1),
    )
    return {"id": command_id, "edge_id": home.edge_id, "payload": b64u(payload), "signature": b64u(signature)}


def body_for(method: str, path: str, victim: Victim) -> Any:
    """The message's own example, with the other household's ids wherever it names something."""
    content = DOCUMENT["paths"][path][method].get("requestBody", {}).get("content", {})
    if not content:
        return None
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    body = dict(DOCUMENT["components"]["schemas"][name]["examples"][0])
    names = victim.names()
    whole = {"Slot": victim.slot, "Command": victim.command, "RosterAppend": roster_body(victim)}
    return whole.get(name) or {key: names.get(key, value) for key, value in body.items()}


def roster_body(victim: Victim) -> dict[str, Any]:
    link = victim.household.entries[-1]
    return {"first": 1, "entries": [{"payload": b64u(link.payload), "signature": b64u(link.signature)}]}


async def ask(browser: httpx.AsyncClient, method: str, path: str, victim: Victim) -> tuple[int, str]:
    """Status and text; of a stream what comes first."""
    url = path.format(**victim.names())
    body = body_for(method, path, victim)
    async with browser.stream(method.upper(), url, json=body) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, await anext(answer.aiter_text())
        return answer.status_code, (await answer.aread()).decode()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def victim(world: World) -> AsyncIterator[Victim]:
    async with world.household() as household:
        yield await furnish(household)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def intruder(world: World) -> AsyncIterator[Household]:
    async with world.household() as household:
        yield household


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_no_route_gives_or_changes_anything_of_another_tenant(
    victim: Victim, intruder: Household, method: str, path: str
) -> None:
    if (await intruder.browser.get("/api/v1/session")).status_code == 401:
        # One of the routes logs out.
        await intruder.log_in()
    await victim.household.report()
    before = await victim.snapshot()
    status, text = await ask(intruder.browser, method, path, victim)
    asked_for = path.format(**victim.names())
    for secret in victim.secrets():
        assert secret not in text, f"{method} {path} gave {secret} away"
    if "{" in path and "{slot_id}" not in path:
        # A slot's id is the browser's own choice: theirs of the same id is another slot.
        assert status == 404, f"{method} {asked_for} answered {status}: {text}"
    assert status not in (500, 501)
    assert await victim.snapshot() == before


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route not in PUBLIC])
async def test_every_route_asks_for_a_session(world: World, victim: Victim, method: str, path: str) -> None:
    async with world.browser() as stranger:
        status, text = await ask(stranger, method, path, victim)
    assert status == 401
    # An answer to HEAD has no body.
    assert method == "head" or json.loads(text)["reason"] == "not_logged_in"


@pytest.mark.parametrize("path", sorted({path for method, path in ROUTES if method in ("post", "put", "delete")}))
async def test_nothing_changes_without_the_pages_own_header(victim: Victim, path: str) -> None:
    browser = victim.household.browser
    for method in set(DOCUMENT["paths"][path]) - {"get"}:
        request = browser.build_request(method.upper(), path.format(**victim.names()), json={})
        del request.headers["X-Guardian-Request"]
        answer = await browser.send(request)
        assert answer.status_code == 403
        assert answer.json()["reason"] == "request_header_missing"


async def call(stub: Any, method: str, victim: Victim, home: Household) -> list[Any]:
    """One AgentService call that names the victim's things; its answers, a stream's as far as they come at once."""
    foreign = home.summary(id=victim.event_id, edge_id=victim.household.edge_id, revision=99)
    result = vault_pb2.CommandResult(command_id=victim.command["id"], accepted=True, reason="done")
    requests: dict[str, Any] = {
        "SendSummaries": iter([pb.SendSummariesRequest(position=1, summary=foreign)]),
        "ReportHealth": pb.ReportHealthRequest(edges=[pb.EdgeHealth(id=victim.household.edge_id, name="stolen")]),
        "ResumeSummaries": pb.ResumeSummariesRequest(),
        "SyncRoster": pb.SyncRosterRequest(have_entries=0),
        "ReceiveCommands": pb.ReceiveCommandsRequest(),
        "ReportCommand": pb.ReportCommandRequest(result=result),
        "RenewCertificate": pb.RenewCertificateRequest(csr_der=tls.new_csr(tls.new_key())),
        "ReceiveOrders": pb.ReceiveOrdersRequest(),
        "ReportOrder": pb.ReportOrderRequest(result=pb.OrderResult(order_id=victim.order, edge_name="stolen")),
    }
    running = getattr(stub, method)(requests[method])
    if isinstance(running, grpc.aio.UnaryUnaryCall):
        return [await running]
    answers: list[Any] = []
    try:
        async with asyncio.timeout(0.5):
            async for answer in running:
                answers.append(answer)  # noqa: PERF401 (what came before the time-out is kept)
    except TimeoutError:
        running.cancel()
    return answers


@pytest.mark.parametrize("method", METHODS)
async def test_no_call_of_a_node_reaches_another_tenant(victim: Victim, intruder: Household, method: str) -> None:
    await victim.household.report()
    before = await victim.snapshot()
    try:
        answers = await call(intruder.stub, method, victim, intruder)
    except grpc.aio.AioRpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND
        answers = []
    for answer in answers:
        assert not getattr(answer, "entries", ())
        if isinstance(answer, pb.RenewCertificateResponse):
            names = x509.load_der_x509_certificate(answer.certificate_der).extensions
            uris = names.get_extension_for_class(x509.SubjectAlternativeName).value
            mine = f"guardian://{intruder.tenant_id}/node/{intruder.node_id}"
            assert uris.get_values_for_type(x509.UniformResourceIdentifier) == [mine]
        assert not isinstance(answer, pb.ReceiveOrdersResponse)
        assert not (answer.HasField("command") if isinstance(answer, pb.ReceiveCommandsResponse) else False)
    after = await victim.snapshot()
    assert after == before


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("identity", ["guardian://{tenant}/edge/{node}", "guardian://{tenant}/node/{unknown}", "x"])
async def test_every_call_asks_for_a_known_nodes_certificate(victim: Victim, method: str, identity: str) -> None:
    home = victim.household
    pki = Pki.load(home.world.settings.state_dir, home.world.settings.agents)
    key = tls.new_key()
    uri = identity.format(tenant=home.tenant_id, node=home.node_id, unknown=random_id().hex())
    certificate = tls.cert_der(pki.authority.issue_client(key.public_key(), uri))
    async with home.world.channel(key, certificate, home.enrolment.ca_der[0]) as channel:
        other = Household(home.world, home.tenant_id, "", home.browser, home.enrolment, key, channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(other.stub, method, victim, other)
    assert caught.value.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


async def test_a_certificate_of_another_ca_does_not_even_connect(victim: Victim) -> None:
    home = victim.household
    key = tls.new_key()
    forged = tls.Authority.create("guardian nodes").issue_client(
        key.public_key(), f"guardian://{home.tenant_id}/node/{home.node_id}"
    )
    async with home.world.channel(key, tls.cert_der(forged), home.enrolment.ca_der[0]) as channel:
        other = Household(home.world, home.tenant_id, "", home.browser, home.enrolment, key, channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await other.report()
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
