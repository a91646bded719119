"""Every route of the relay, tried on another tenant's node, objects and events, with whatever one house can get.

The list of routes is the relay's own application's; a route or parameter without a rule fails the tests.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute
from tests.integration.tenancy.belongings import Belongings
from tests.integration.tenancy.conftest import Neighbours

from guardian.node.config import RelaySection
from guardian.node.identity import Identity
from guardian.node.relay.app import create_app
from guardian.node.relay.service import RelayService, TicketKeys
from guardian.vault.encoding import b64u, from_b64u

# What stands in a path, by its name: all a house has of it.
PATH: dict[str, Callable[[Belongings], list[str]]] = {
    "object_id": lambda things: [*things.objects],
    "event_id": lambda things: things.events,
}
# Routes whose body is a ticket, or the answer to a challenge.
TICKETS = {("POST", "/v1/challenges"), ("PUT", "/v1/sessions/current")}
ANSWERS = {("POST", "/v1/sessions")}
PLAIN = {("DELETE", "/v1/sessions/current")}


@dataclass(frozen=True)
class Route:
    """One method of one path of the relay."""

    method: str
    path: str

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.path

    def addresses(self, things: Belongings) -> list[str]:
        """The path with each of a house's names; KeyError when nobody has thought of a parameter."""
        names = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        if not names:
            return [self.path]
        (name,) = names
        return [self.path.replace(f"{{{name}}}", value) for value in PATH[name](things)]


def routes(app: Any) -> list[Route]:
    """As the application has them."""
    served = [route for route in app.routes if isinstance(route, APIRoute)]
    return sorted(
        (Route(method, route.path) for route in served for method in route.methods or ()), key=lambda r: r.key
    )


def application(folder: Path) -> Any:
    """The relay's application; it answers nobody here."""
    who = Identity(tenant="t", node="0" * 32, agents="localhost:1")
    return create_app(RelayService(who, TicketKeys(folder)), RelaySection())


@dataclass
class Doors:
    """Both relays, and each owner's live session at her own."""

    fen: httpx.AsyncClient
    moor: httpx.AsyncClient
    fen_session: str
    moor_session: str


@pytest_asyncio.fixture(loop_scope="session")
async def doors(neighbours: Neighbours) -> AsyncIterator[Doors]:
    limits = httpx.Limits(max_keepalive_connections=0)
    fen, moor = neighbours.fen, neighbours.moor
    async with (
        httpx.AsyncClient(base_url=fen.house.relay_url, timeout=60, limits=limits) as first,
        httpx.AsyncClient(base_url=moor.house.relay_url, timeout=60, limits=limits) as second,
    ):
        sessions = await asyncio.gather(open_session(first, fen), open_session(second, moor))
        yield Doors(first, second, *sessions)


async def open_session(relay: httpx.AsyncClient, things: Belongings) -> str:
    owner = things.house.owner
    return await owner.session(relay, await owner.ticket(things.house.node, [*things.objects], things.events))


def bearer(session: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {session}"}


async def ask(
    relay: httpx.AsyncClient, route: Route, address: str, headers: dict[str, str], body: dict[str, str] | None
) -> httpx.Response:
    if route.key in TICKETS | ANSWERS:
        assert body is not None
        return await relay.request(route.method, address, headers=headers, json=body)
    assert route.key in PLAIN or "{" in route.path, f"no rule for {route}"
    return await relay.request(route.method, address, headers=headers)


async def test_every_route_of_the_neighbours_relay_refuses_a_strangers_ticket_session_and_signature(
    neighbours: Neighbours, doors: Doors, tmp_path: Path
):
    fen, moor = neighbours.fen, neighbours.moor
    ticket = await fen.house.owner.ticket(fen.house.node, [*fen.objects], fen.events)
    for route in routes(application(tmp_path)):
        for address in route.addresses(moor):
            body = await stolen_answer(moor, doors, fen, ticket) if route.key in ANSWERS else {"ticket": ticket}
            for headers in ({}, bearer(doors.fen_session), bearer("A" * 43)):
                answer = await ask(doors.moor, route, address, headers, body)
                # To end a session that is none is harmless.
                good = {204, 401} if route.key in PLAIN else {401}
                assert answer.status_code in good, (route, answer.text)
                assert not moor.found_in(answer.content)
    still = await doors.moor.get(f"/v1/events/{moor.events[0]}", headers=bearer(doors.moor_session))
    assert still.status_code == 200


async def stolen_answer(moor: Belongings, doors: Doors, fen: Belongings, ticket: str) -> dict[str, str]:
    """A challenge the neighbour's relay gave its own owner, answered by a stranger with a stranger's ticket."""
    own = await moor.house.owner.ticket(moor.house.node, [*moor.objects], moor.events)
    body = await moor.house.owner.answer(doors.moor, own, keys=fen.house.owner.keys)
    return {**body, "ticket": ticket, "member": fen.house.owner.author.id}


async def test_at_ones_own_relay_every_object_and_event_of_the_neighbours_is_refused(
    neighbours: Neighbours, doors: Doors, tmp_path: Path
):
    fen, moor = neighbours.fen, neighbours.moor
    headers = bearer(doors.fen_session)
    tried = 0
    for route in routes(application(tmp_path)):
        if "{" not in route.path:
            continue
        for address in route.addresses(moor):
            answer = await ask(doors.fen, route, address, headers, None)
            assert answer.status_code == 403, (route, answer.text)
            assert not moor.found_in(answer.content)
            tried += 1
        for address in route.addresses(fen):
            answer = await ask(doors.fen, route, address, headers, None)
            assert answer.status_code == 200, (route, answer.text)
    assert tried == 2 * len(moor.objects) + len(moor.events)


async def test_each_owner_reads_her_own_sealed_bytes(neighbours: Neighbours, doors: Doors):
    for things, relay, session in (
        (neighbours.fen, doors.fen, doors.fen_session),
        (neighbours.moor, doors.moor, doors.moor_session),
    ):
        for name, sealed in things.objects.items():
            answer = await relay.get(f"/v1/objects/{name}", headers=bearer(session))
            assert answer.content == sealed
        for name in things.events:
            signed = (await relay.get(f"/v1/events/{name}", headers=bearer(session))).json()
            assert name.encode() in from_b64u(signed["event"])
            assert signed["edge"] == things.house.edge


async def test_a_session_is_renewed_by_its_own_households_ticket_alone(neighbours: Neighbours, doors: Doors):
    fen, moor = neighbours.fen, neighbours.moor
    theirs = await moor.house.owner.ticket(moor.house.node, [*moor.objects], moor.events)
    renewed = await doors.fen.put("/v1/sessions/current", headers=bearer(doors.fen_session), json={"ticket": theirs})
    assert (renewed.status_code, renewed.json()["reason"]) == (401, "ticket_other_node")
    refused = await doors.fen.get(f"/v1/objects/{next(iter(moor.objects))}", headers=bearer(doors.fen_session))
    assert refused.json()["reason"] == "not_in_ticket"
    kept = await doors.fen.head(f"/v1/objects/{next(iter(fen.objects))}", headers=bearer(doors.fen_session))
    assert kept.status_code == 200


async def test_a_good_ticket_of_the_house_is_worth_nothing_with_a_strangers_signature(
    neighbours: Neighbours, doors: Doors
):
    fen, moor = neighbours.fen.house.owner, neighbours.moor.house.owner
    things, node = [*neighbours.moor.objects], neighbours.moor.house.node
    # The control plane itself, gone bad, could name any member in a ticket.
    for stranger in (True, False):
        member = fen.author.id if stranger else moor.author.id
        ticket = await moor.ticket(node, things, [], member=member)
        body = await moor.answer(doors.moor, ticket, keys=fen.keys, member=member)
        answer = await doors.moor.post("/v1/sessions", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (403, "stranger" if stranger else "bad_signature")
    ticket = await moor.ticket(node, things, [])
    body = await moor.answer(doors.moor, ticket)
    answer = await doors.moor.post("/v1/sessions", json={**body, "member": fen.author.id})
    assert (answer.status_code, answer.json()["reason"]) == (403, "ticket_other_member")


async def test_a_challenge_of_one_relay_is_none_of_the_other(neighbours: Neighbours, doors: Doors):
    fen = neighbours.fen
    ticket = await fen.house.owner.ticket(fen.house.node, [*fen.objects], [])
    body = await fen.house.owner.answer(doors.fen, ticket)
    assert (await doors.moor.post("/v1/sessions", json=body)).status_code == 401
    stale = {**body, "challenge": b64u(bytes(32))}
    assert (await doors.fen.post("/v1/sessions", json=stale)).json()["reason"] == "challenge_unknown"


def test_a_route_with_an_unknown_parameter_has_no_rule(tmp_path: Path):
    app = application(tmp_path)
    app.get("/v1/novelties/{novelty}")(lambda novelty: novelty)
    (novel,) = [route for route in routes(app) if "novelties" in route.path]
    with pytest.raises(KeyError):
        novel.addresses(Belongings(house=None))  # type: ignore[arg-type]
