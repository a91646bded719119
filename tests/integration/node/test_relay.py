"""Sealed bytes reach a member's browser by ticket, signature and range; everyone else is told why not."""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.integration.node.browser import Browser, HomeEdge, TicketOffice, relay_at, start_edge, until
from tests.integration.node.kit import Household, Node

from guardian.common.ids import uuid7
from guardian.node.relay.main import RelayServer
from guardian.vault.encoding import b64u, from_b64u
from guardian.vault.identity import Keys
from guardian.vault.messages import sign_challenge
from guardian.vault.roster_author import Author

CONTENT = os.urandom(5_000_000)


@dataclass
class House:
    """Everything from edge to browser; `object` and `event` are known to the node."""

    node: Node
    household: Household
    edge: HomeEdge
    relay: RelayServer
    browser: Browser
    office: TicketOffice
    object: str
    event: str


@pytest.fixture
async def house(node: Node, folder: Path, household: Household) -> AsyncIterator[House]:
    edge = await start_edge(node, folder / "edge")
    household.add_edge(edge.who)
    await node.give_roster(household)
    office = TicketOffice(node, household)
    office.install()
    name = edge.put_object(CONTENT)
    event = edge.emit(household.id, name)
    await until(lambda: node.gateway.store.event(event))
    await until(lambda: edge.is_up("objects"))
    async with relay_at(node) as relay, httpx.AsyncClient(base_url=f"http://{relay.address}", timeout=30) as http:
        browser = Browser(http, office, household.author)
        yield House(node, household, edge, relay, browser, office, name, event)
    edge.outbox.close()
    await edge.stop()


def reason(answer: httpx.Response) -> tuple[int, str]:
    problem = json.loads(answer.content)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"]
    assert problem["status"] == answer.status_code
    return answer.status_code, problem["reason"]


async def test_a_member_unlocks_and_reads_what_her_ticket_names(house: House):
    browser = house.browser
    assert (await browser.unlock(objects=[house.object], events=[house.event])).status_code == 200
    answer = await browser.get(f"/v1/objects/{house.object}")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "no-store"
    event = (await browser.get(f"/v1/events/{house.event}")).json()
    stored = await house.node.gateway.store.event(house.event)
    assert stored is not None
    assert (from_b64u(event["event"]), event["edge"]) == (stored.event, house.edge.who.edge)


RANGES = {
    "bytes=0-0": (0, 0),
    "bytes=100-199": (100, 199),
    "bytes=4999000-": (4_999_000, 4_999_999),
    "bytes=-100": (4_999_900, 4_999_999),
    "bytes=-9999999999": (0, 4_999_999),
    "bytes=4999999-99999999999999999999": (4_999_999, 4_999_999),
    "bytes=1000000-4200000": (1_000_000, 4_200_000),
    "BYTES = 5-9": (5, 9),
}


async def test_ranges_are_served_exactly(house: House):
    await house.browser.unlock(objects=[house.object])
    for asked, (first, last) in RANGES.items():
        answer = await house.browser.get(f"/v1/objects/{house.object}", Range=asked)
        assert (asked, answer.status_code) == (asked, 206)
        assert answer.headers["content-range"] == f"bytes {first}-{last}/5000000"
        assert answer.headers["content-length"] == str(last - first + 1)
        assert answer.content == CONTENT[first : last + 1]


UNSATISFIABLE = ["bytes=5000000-", "bytes=99999999999999999999-", "bytes=-0"]
MALFORMED = ["bytes=0-1,5-9", "bytes=9-5", "bytes=", "bytes=x-1", "bytes=--1", "bytes=0-" + "9" * 200]


async def test_ranges_that_cannot_be_are_416(house: House):
    await house.browser.unlock(objects=[house.object])
    for asked in UNSATISFIABLE:
        answer = await house.browser.get(f"/v1/objects/{house.object}", Range=asked)
        assert (asked, *reason(answer)) == (asked, 416, "range")
        assert answer.headers["content-range"] == "bytes */5000000"
    for asked in MALFORMED:
        answer = await house.browser.get(f"/v1/objects/{house.object}", Range=asked)
        assert (asked, *reason(answer)) == (asked, 416, "range_malformed")


async def test_a_unit_nobody_knows_and_a_condition_nobody_can_meet_give_the_whole(house: House):
    await house.browser.unlock(objects=[house.object])
    for headers in ({"Range": "seconds=0-5"}, {"Range": "bytes=0-9", "If-Range": '"x"'}):
        answer = await house.browser.get(f"/v1/objects/{house.object}", **headers)
        assert (answer.status_code, len(answer.content)) == (200, len(CONTENT))


async def test_head_tells_the_size_and_sends_nothing(house: House):
    await house.browser.unlock(objects=[house.object])
    answer = await house.browser.http.head(f"/v1/objects/{house.object}", headers=house.browser.headers)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "5000000", b"")


async def test_a_clip_still_being_recorded_shows_its_size_of_now(house: House):
    name = house.edge.put_object(b"x" * 1000)
    path = house.edge.settings.state_dir / "analyzer" / "objects" / "2026-01-31" / f"{name}.sealed"
    event = house.edge.emit(house.household.id, name)
    await until(lambda: house.node.gateway.store.event(event))
    await house.browser.unlock(objects=[name])
    assert len((await house.browser.get(f"/v1/objects/{name}")).content) == 1000
    with path.open("ab") as file:
        file.write(b"y" * 500)
    answer = await house.browser.get(f"/v1/objects/{name}", Range="bytes=990-")
    assert (answer.headers["content-range"], answer.content) == ("bytes 990-1499/1500", b"x" * 10 + b"y" * 500)


async def test_what_no_ticket_names_is_refused(house: House):
    await house.browser.unlock(objects=["0" * 32])
    assert reason(await house.browser.get(f"/v1/objects/{house.object}")) == (403, "not_in_ticket")
    assert reason(await house.browser.get(f"/v1/events/{house.event}")) == (403, "not_in_ticket")
    assert reason(await house.browser.get(f"/v1/objects/{'0' * 32}")) == (404, "object_unknown")


async def test_names_that_are_no_ids_lead_nowhere(house: House):
    await house.browser.unlock(objects=[house.object])
    for path in ("../../identity/sign.key", "..%2f..%2fidentity%2fsign.key", "A" * 32, "0" * 31, "0" * 33, "%00"):
        assert (await house.browser.get(f"/v1/objects/{path}")).status_code == 404


async def test_without_a_session_nothing_is_shown(house: House):
    for headers in ({}, {"Authorization": "Bearer " + "x" * 43}, {"Authorization": "Basic eDp5"}):
        answer = await house.browser.http.get(f"/v1/objects/{house.object}", headers=headers)
        assert answer.status_code == 401
        assert reason(answer)[1] in {"session_missing", "session_unknown"}


async def test_a_locked_session_is_over(house: House):
    await house.browser.unlock(objects=[house.object])
    answer = await house.browser.http.delete("/v1/sessions/current", headers=house.browser.headers)
    assert answer.status_code == 204
    assert reason(await house.browser.get(f"/v1/objects/{house.object}")) == (401, "session_unknown")


BENT: dict[str, tuple[dict[str, Any], str]] = {
    "another node": ({"aud": "f" * 32}, "ticket_other_node"),
    "several nodes": ({"aud": ["f" * 32]}, "ticket_malformed"),
    "another tenant": ({"tenant": "other"}, "ticket_other_tenant"),
    "another issuer": ({"iss": "somebody"}, "ticket_malformed"),
    "expired": ({"iat": 1_700_000_000, "exp": 1_700_000_060}, "ticket_expired"),
    "from the future": ({"iat": 4_000_000_000, "exp": 4_000_000_060}, "ticket_times"),
    "ends before it begins": ({"iat": 4_000_000_000, "exp": 1}, "ticket_times"),
    "a path as object": ({"objects": ["../../etc"]}, "ticket_malformed"),
    "too many objects": ({"objects": ["0" * 32] * 501}, "ticket_malformed"),
    "an unknown claim": ({"admin": True}, "ticket_malformed"),
    "times as text": ({"exp": "tomorrow"}, "ticket_malformed"),
}


async def test_tickets_that_are_not_for_here_and_now_are_refused(house: House):
    for name, (claims, expected) in BENT.items():
        refused = reason(await house.browser.challenge(house.office.ticket(**claims)))
        assert (name, *refused) == (name, 401, expected)


async def test_a_ticket_may_not_live_longer_than_a_minute(house: House):
    claims = jwt.decode(house.office.ticket(), options={"verify_signature": False})
    long = house.office.ticket(exp=claims["iat"] + 61)
    assert reason(await house.browser.challenge(long)) == (401, "ticket_times")


async def test_forged_tickets_are_refused(house: House):
    wrong_key = house.office.ticket(key=Ed25519PrivateKey.generate())
    assert reason(await house.browser.challenge(wrong_key)) == (401, "ticket_forged")
    claims = jwt.decode(house.office.ticket(), options={"verify_signature": False})
    public = house.office.key.public_key().public_bytes_raw()
    symmetric = jwt.encode(claims, public, algorithm="HS256")
    none = jwt.encode(claims, "", algorithm="none")
    head, body, signature = house.office.ticket().split(".")
    for text in (symmetric, none, f"{head}.{body}.", f"{head}.{body[:-4]}.{signature}", "", "a.b.c", "x" * 70_000):
        answer = await house.browser.challenge(text)
        assert reason(answer)[0] == 401
        assert reason(answer)[1] in {"ticket_malformed", "ticket_forged"}


async def test_new_ticket_keys_count_from_the_moment_they_are_stored(house: House):
    house.office.key = Ed25519PrivateKey.generate()
    assert reason(await house.browser.challenge(house.office.ticket())) == (401, "ticket_forged")
    house.office.install()
    assert (await house.browser.unlock()).status_code == 200


async def test_a_ticket_without_a_members_signature_opens_nothing(house: House):
    ticket = house.office.ticket(objects=[house.object])
    challenge = (await house.browser.challenge(ticket)).json()["challenge"]
    stranger = sign_challenge(Keys.generate(), house.node.who.node, from_b64u(challenge), ticket)
    answer = await house.browser.answer(ticket, challenge, signature=b64u(stranger))
    assert reason(answer) == (403, "bad_signature")
    body = {"ticket": ticket, "challenge": "short", "member": house.household.author.id, "signature": "x"}
    assert reason(await house.browser.http.post("/v1/sessions", json=body)) == (400, "request_malformed")


async def test_a_stranger_with_a_ticket_of_her_own_opens_nothing(house: House):
    stranger = Author(secrets.token_hex(16), Keys.generate())
    browser = Browser(house.browser.http, house.office, stranger)
    assert reason(await browser.unlock()) == (403, "stranger")


async def test_a_ticket_for_another_member_does_not_help(house: House):
    ticket = house.office.ticket(member="ab" * 16)
    challenge = (await house.browser.challenge(ticket)).json()["challenge"]
    assert reason(await house.browser.answer(ticket, challenge)) == (403, "ticket_other_member")


async def test_a_challenge_is_good_for_one_answer_to_one_ticket(house: House):
    browser = house.browser
    ticket, other = house.office.ticket(), house.office.ticket()
    challenge = (await browser.challenge(ticket)).json()["challenge"]
    assert reason(await browser.answer(other, challenge)) == (401, "challenge_other_ticket")
    # Even a wrong answer has used it up.
    assert reason(await browser.answer(ticket, challenge)) == (401, "challenge_unknown")
    challenge = (await browser.challenge(ticket)).json()["challenge"]
    assert (await browser.answer(ticket, challenge)).status_code == 200
    assert reason(await browser.answer(ticket, challenge)) == (401, "challenge_unknown")
    assert reason(await browser.challenge(ticket)) == (401, "ticket_used")


async def test_a_session_takes_further_tickets_of_the_same_person_only(house: House):
    browser = house.browser
    await browser.unlock()
    assert reason(await browser.get(f"/v1/objects/{house.object}"))[1] == "not_in_ticket"

    async def renew(ticket: str) -> httpx.Response:
        return await browser.http.put("/v1/sessions/current", json={"ticket": ticket}, headers=browser.headers)

    for other in (house.office.ticket(sub="user-2"), house.office.ticket(member="ab" * 16)):
        assert reason(await renew(other)) == (403, "ticket_other_person")
    ticket = house.office.ticket(objects=[house.object])
    assert (await renew(ticket)).status_code == 200
    assert (await browser.get(f"/v1/objects/{house.object}", Range="bytes=0-9")).content == CONTENT[:10]
    assert reason(await renew(ticket)) == (401, "ticket_used")


async def test_a_removed_member_loses_her_session_at_once(house: House):
    guest = house.household.add_member("Guest")
    await house.node.give_roster(house.household)
    browser = Browser(house.browser.http, house.office, guest)
    assert (await browser.unlock(objects=[house.object])).status_code == 200
    assert (await browser.get(f"/v1/objects/{house.object}", Range="bytes=0-9")).status_code == 206
    house.household.remove_member(guest.id)
    await house.node.give_roster(house.household)
    assert reason(await browser.get(f"/v1/objects/{house.object}")) == (401, "session_unknown")
    assert reason(await browser.unlock()) == (403, "revoked")


async def test_only_the_uis_pages_may_ask(house: House):
    http = house.browser.http
    ask = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,range"}
    good = await http.options(f"/v1/objects/{house.object}", headers={"Origin": "http://ui.test:8080", **ask})
    assert good.status_code == 200
    assert good.headers["access-control-allow-origin"] == "http://ui.test:8080"
    assert {"authorization", "range"} <= set(good.headers["access-control-allow-headers"].lower().split(", "))
    bad = await http.options(f"/v1/objects/{house.object}", headers={"Origin": "http://evil.test", **ask})
    assert "access-control-allow-origin" not in bad.headers
    refused = await http.get(f"/v1/objects/{house.object}", headers={"Origin": "http://ui.test:8080"})
    assert refused.headers["access-control-allow-origin"] == "http://ui.test:8080"
    assert "Content-Range" in refused.headers["access-control-expose-headers"]
    stranger = await http.get(f"/v1/objects/{house.object}", headers={"Origin": "http://evil.test"})
    assert "access-control-allow-origin" not in stranger.headers


async def test_a_browser_that_leaves_stops_the_edges_reading(house: House):
    await house.browser.unlock(objects=[house.object])
    async with house.browser.http.stream("GET", f"/v1/objects/{house.object}", headers=house.browser.headers) as answer:
        await anext(answer.aiter_raw(1024))
    # The next reader is served, and nothing is left open for the one who went.
    assert (await house.browser.get(f"/v1/objects/{house.object}", Range="bytes=7-7")).content == CONTENT[7:8]
    link = house.node.gateway.links.link(house.edge.who.edge)
    await until(lambda: link.reading == 0)


async def test_many_readers_at_once_each_get_their_own_bytes(house: House):
    await house.browser.unlock(objects=[house.object])

    async def read(number: int) -> bool:
        first = number * 300_000
        answer = await house.browser.get(f"/v1/objects/{house.object}", Range=f"bytes={first}-{first + 299_999}")
        return answer.content == CONTENT[first : first + 300_000]

    assert all(await asyncio.gather(*(read(number) for number in range(16))))


async def test_an_edge_that_is_away_is_named_as_the_cause(house: House):
    await house.browser.unlock(objects=[house.object])
    await house.edge.stop()
    await until(lambda: not house.node.gateway.edges.is_online(house.edge.who.edge))
    assert reason(await house.browser.get(f"/v1/objects/{house.object}")) == (503, "edge_offline")


async def test_a_recording_the_edge_no_longer_has_is_gone(house: House):
    name = house.edge.put_object(b"x")
    event = house.edge.emit(house.household.id, name)
    await until(lambda: house.node.gateway.store.event(event))
    for file in house.edge.settings.state_dir.rglob(f"{name}.sealed"):
        file.unlink()
    await house.browser.unlock(objects=[name])
    assert reason(await house.browser.get(f"/v1/objects/{name}")) == (404, "object_gone")


async def test_absurd_requests_end_in_problems(house: House):
    http = house.browser.http
    for body in (b"", b"[]", b"{", b'{"ticket":1}', b'{"ticket":"x","more":1}', b"[" * 50_000):
        answer = await http.post("/v1/challenges", content=body)
        assert reason(answer) == (400, "request_malformed")
    assert reason(await http.post("/v1/challenges", content=b"x" * 200_000)) == (413, "request_too_large")
    assert reason(await http.get("/v1/nothing"))[0] == 404
    assert reason(await http.get("/v1/sessions"))[0] == 405
    assert reason(await house.browser.get(f"/v1/events/{uuid7()}"))[0] == 401


async def test_whoever_knocks_too_often_is_asked_to_wait(house: House):
    answers = await asyncio.gather(*(house.browser.challenge("x") for _ in range(120)))
    late = [answer for answer in answers if answer.status_code == 429]
    assert late
    assert late[0].headers["retry-after"]
    assert reason(late[0])[1] == "rate_limited"


async def knock(http: httpx.AsyncClient, number: int) -> int:
    """A stranger who says each time that she comes from elsewhere."""
    says = {"X-Forwarded-For": f"198.51.100.{number}"}
    return (await http.post("/v1/challenges", json={"ticket": "x"}, headers=says)).status_code


async def test_an_address_that_a_stranger_makes_up_is_not_believed(house: House):
    """uvicorn by itself believes whoever comes from this machine."""
    answers = await asyncio.gather(*(knock(house.browser.http, number) for number in range(120)))
    assert 429 in answers


async def test_behind_a_proxy_each_address_has_a_limit_of_its_own(node: Node):
    relay = node.settings.relay.model_copy(update={"forwarded_allow_ips": ("127.0.0.1",)})
    proxied = replace(node, settings=node.settings.model_copy(update={"relay": relay}))
    async with relay_at(proxied) as server, httpx.AsyncClient(base_url=f"http://{server.address}", timeout=30) as http:
        answers = await asyncio.gather(*(knock(http, number) for number in range(120)))
        assert 429 not in answers
        assert 429 in await asyncio.gather(*(knock(http, 7) for _ in range(120)))
