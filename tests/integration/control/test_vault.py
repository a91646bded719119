"""Slots and roster: published, checked in form and chain, followed by nodes."""

import asyncio
import json
from typing import Any

import pytest
from tests.integration.control.world import Household

from guardian.common.ids import random_id
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.control.vault import service
from guardian.vault import roster_author, slots
from guardian.vault.encoding import b64u, from_b64u
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster, RosterEntry

SLOTS = "/api/v1/vault/slots"


def slot(household: str = "", **changes: Any) -> dict[str, Any]:
    """A recovery slot's JSON, as a browser would publish it."""
    made = slots.create_with_recovery(bytes(16), household or random_id().hex(), random_id().hex(), Keys.generate())
    return {**json.loads(made.to_json()), **changes}


def secret_slot(**kdf: int) -> dict[str, Any]:
    """A slot of a secret with costs of one's choice; nothing is computed."""
    cost = {"name": "argon2id", "salt": b64u(bytes(16)), "m": 65536, "t": 3, "p": 4, **kdf}
    return slot(kind="secret", kdf=cost)


async def test_a_slot_is_published_replaced_and_taken_back(home: Household) -> None:
    first, second = slot(), secret_slot()
    for item in (first, second):
        assert (await home.browser.put(f"{SLOTS}/{item['id']}", json=item)).status_code == 204
    assert await home.get("/vault/slots") == [first, second]
    again = slot(id=first["id"])
    assert (await home.browser.put(f"{SLOTS}/{first['id']}", json=again)).status_code == 204
    assert sorted(item["ct"] for item in await home.get("/vault/slots")) == sorted([again["ct"], second["ct"]])
    assert (await home.browser.delete(f"{SLOTS}/{first['id']}")).status_code == 204
    assert await home.get("/vault/slots") == [second]
    assert (await home.browser.delete(f"{SLOTS}/{first['id']}")).status_code == 404


@pytest.mark.parametrize("cost", [{"m": 10 << 20}, {"m": 8}, {"t": 1}, {"t": 1000}, {"p": 0}, {"p": 200}])
async def test_a_slot_with_an_absurd_cost_is_refused(lodger: Household, cost: dict[str, int]) -> None:
    item = secret_slot(**cost)
    answer = await lodger.browser.put(f"{SLOTS}/{item['id']}", json=item)
    assert answer.status_code == 400
    assert answer.json()["reason"] == "kdf_refused"


@pytest.mark.parametrize("wrong", [{"ct": "AAAA"}, {"nonce": ""}, {"kind": "secret"}])
async def test_a_slot_of_another_form_is_refused(lodger: Household, wrong: dict[str, Any]) -> None:
    item = slot(**wrong)
    answer = await lodger.browser.put(f"{SLOTS}/{item['id']}", json=item)
    assert (answer.status_code, answer.json()["reason"]) == (400, "slot_malformed")


async def test_a_slot_goes_by_its_own_id_and_household_only(home: Household) -> None:
    item = slot()
    assert (await home.browser.put(f"{SLOTS}/{random_id().hex()}", json=item)).status_code == 400
    (await home.post_roster(0, home.begin_roster())).raise_for_status()
    assert (await home.browser.put(f"{SLOTS}/{item['id']}", json=item)).status_code == 400
    mine = slot(Roster.verify(home.entries).household)
    assert (await home.browser.put(f"{SLOTS}/{mine['id']}", json=mine)).status_code == 204


async def test_a_household_cannot_pile_up_slots(home: Household) -> None:
    item = slot()
    for _ in range(100):
        item["id"] = random_id().hex()
        assert (await home.browser.put(f"{SLOTS}/{item['id']}", json=item)).status_code == 204
    assert (await home.browser.put(f"{SLOTS}/{item['id']}", json=item)).status_code == 204
    item["id"] = random_id().hex()
    assert (await home.browser.put(f"{SLOTS}/{item['id']}", json=item)).json()["reason"] == "slots_full"


def entries_of(page: dict[str, Any]) -> list[RosterEntry]:
    return [RosterEntry(from_b64u(item["payload"]), from_b64u(item["signature"])) for item in page["entries"]]


async def test_a_roster_begins_once_and_grows(home: Household) -> None:
    first = await home.post_roster(0, home.begin_roster())
    assert first.json()["entries"] == 1
    added = home.add_edge()
    grown = await home.post_roster(1, [added])
    assert grown.json() == {"entries": 2, "head": added.hash.hex()}
    page = await home.get("/vault/roster")
    assert entries_of(page) == home.entries
    assert (page["first"], page["next"]) == (0, None)
    assert entries_of(await home.get("/vault/roster", **{"from": 1})) == [added]


async def test_a_lost_answer_is_repeated_without_harm(home: Household) -> None:
    home.begin_roster()
    home.add_edge()
    for first, entries in ((0, home.entries), (0, home.entries), (1, home.entries[1:])):
        assert (await home.post_roster(first, entries)).json()["entries"] == 2


async def refusal(home: Household, first: int, entries: list[RosterEntry]) -> tuple[int, str]:
    before = await home.get("/vault/roster")
    answer = await home.post_roster(first, entries)
    assert await home.get("/vault/roster") == before
    return answer.status_code, answer.json()["reason"]


async def test_one_households_chain_cannot_fill_the_memory_of_all(
    home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    (await home.post_roster(0, home.begin_roster())).raise_for_status()
    monkeypatch.setattr(service, "MAX_CHAIN_BYTES", len(home.entries[0].payload) + 100)
    assert await refusal(home, 1, [home.add_edge()]) == (429, "roster_full")
    assert (await home.post_roster(0, home.entries[:1])).json()["entries"] == 1


async def test_another_chain_is_a_fork(home: Household) -> None:
    (await home.post_roster(0, home.begin_roster())).raise_for_status()
    genesis = list(home.entries)
    (await home.post_roster(1, [home.add_edge()])).raise_for_status()
    # A second genesis, by whoever holds the session.
    _, foreign = roster_author.genesis("Intruder", Keys.generate())
    assert await refusal(home, 0, [foreign]) == (409, "fork")
    # Another second entry, by a member.
    assert home.author is not None
    other = roster_author.new_epoch(Roster.verify(genesis), home.author)
    assert await refusal(home, 1, [other]) == (409, "fork")


async def test_a_shorter_chain_is_stale_and_a_gap_is_said_to_be_one(home: Household) -> None:
    home.begin_roster()
    home.add_edge()
    assert await refusal(home, 1, home.entries[1:]) == (409, "gap")
    (await home.post_roster(0, home.entries)).raise_for_status()
    assert await refusal(home, 0, home.entries[:1]) == (409, "stale")


async def test_an_entry_nobody_of_the_household_signed_is_refused(home: Household) -> None:
    (await home.post_roster(0, home.begin_roster())).raise_for_status()
    good = home.add_edge()
    tampered = RosterEntry(good.payload, bytes(64))
    assert await refusal(home, 1, [tampered]) == (400, "bad_signature")
    assert await refusal(home, 1, [RosterEntry(b"{}", good.signature)]) == (400, "roster_malformed")
    assert home.author is not None
    stranger = roster_author.Author(random_id().hex(), Keys.generate())
    forged = roster_author.new_epoch(Roster.verify(home.entries[:1]), stranger)
    assert await refusal(home, 1, [forged]) == (400, "roster_author")


async def test_two_browsers_at_once_cannot_both_be_next(home: Household) -> None:
    (await home.post_roster(0, home.begin_roster())).raise_for_status()
    assert home.author is not None
    roster = Roster.verify(home.entries)
    rivals = [roster_author.new_epoch(roster, home.author) for _ in range(4)]
    answers = await asyncio.gather(*(home.post_roster(1, [entry]) for entry in rivals))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_a_node_follows_the_chain_as_it_grows(home: Household) -> None:
    (await home.post_roster(0, home.begin_roster())).raise_for_status()
    stream = home.stub.SyncRoster(pb.SyncRosterRequest(have_entries=0))
    answer = await asyncio.wait_for(stream.read(), 20)
    assert (answer.first, [item.payload for item in answer.entries]) == (0, [home.entries[0].payload])
    added = home.add_edge()
    (await home.post_roster(1, [added])).raise_for_status()
    answer = await asyncio.wait_for(stream.read(), 20)
    assert (answer.first, [item.payload for item in answer.entries]) == (1, [added.payload])
    stream.cancel()
    resumed = home.stub.SyncRoster(pb.SyncRosterRequest(have_entries=1))
    assert (await asyncio.wait_for(resumed.read(), 20)).first == 1
    resumed.cancel()
