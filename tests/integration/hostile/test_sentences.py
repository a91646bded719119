"""Bad input elsewhere than at the camera: where its sentence is shown, and which tests tell the rest.

| bad input | here: log, `guardian status`, API | beside it |
|---|---|---|
| corrupt model | analyzer's log, edge's status, `GET /edges` | analyzer/test_faults |
| corrupt configuration | daemon's and status's refusal | unit/common/test_config, test_lifecycle |
| expired or reused token | the verb's sentence, gateway's log | {node,control}/test_enrolment, tenancy/test_rpc |
| forged ticket, no member's signature | relay's answer, log and status | node/test_relay, tenancy/test_relay |
| forked roster | uplink's log, edge's status, `GET /edges`, API's refusal | node/test_uplink, control/test_vault |
| signed by a stranger | uplink's log and status (event) | unit/vault/test_v8_roster, unit/cli/test_vault (object) |
| absurd KDF cost | API's answer and log | control/test_vault, unit/cli/test_vault, the vectors |
"""

import asyncio
import time

import httpx
import pytest
from tests.integration.hostile.conftest import Victim
from tests.integration.tenancy.belongings import Belongings, add_event
from tests.integration.tenancy.processes import run
from tests.integration.tenancy.routes import roster_of
from tests.integration.tenancy.street import until

from guardian.common.errors import GuardianError
from guardian.contracts.edge.v1.edge_pb2 import Event
from guardian.edge import roster as edge_roster
from guardian.edge.enroll.enrol import enrol_async
from guardian.edge.events.store import EventStore, StoredEvent
from guardian.vault import roster as vault_roster
from guardian.vault import roster_author
from guardian.vault.encoding import b64u
from guardian.vault.errors import SENTENCES
from guardian.vault.identity import Keys
from guardian.vault.messages import sign_event


async def test_a_corrupt_model_is_told_in_log_status_and_to_the_owner(victim: Victim):
    async def told() -> bool:
        return bool((await victim.house.edge_view())["detector"]["reason"] == "model_corrupt")

    with victim.house.street.explained():
        await until(told)
    detector = (await victim.house.edge_view())["detector"]
    assert detector["state"] == "degraded"
    meanwhile, _, cause = detector["sentence"].partition(". ")
    assert "motion" in meanwhile
    assert cause
    assert cause in victim.log("edge", "analyzer")
    assert detector["sentence"] in await victim.status("edge")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("state_dri: /var/lib/guardian\n", "state_dir"),
        ("state_dir: [unclosed\n", "YAML"),
        ("\x00\x01\x02", "YAML"),
        ("model: {threads: many}\n", "model.threads"),
    ],
    ids=["unknown key", "not closed", "no text", "wrong value"],
)
async def test_a_corrupt_configuration_stops_the_daemon_with_a_sentence(victim: Victim, text: str, sentence: str):
    path = victim.house.folder / "broken.yaml"
    path.write_text(text)
    (code, said), (_, status) = await asyncio.gather(
        run(["guardian-uplink", "--config", str(path)]), run(["guardian", "status", "--config", str(path)])
    )
    assert code == 78
    assert str(path) in said
    assert sentence in said
    assert "Traceback" not in said + status
    # Status reads only where sockets are: it names a file that it cannot read, and leaves the rest to the daemon.
    assert sentence != "YAML" or str(path) in status.replace("\n", "")


async def test_a_token_that_was_used_before_or_has_expired_is_refused_in_words(victim: Victim):
    house = victim.house
    folder = house.folder / "late"
    tokens = {"was used already": house.edge_token, "has expired": await house.new_edge_token("Late", seconds=1)}
    # The shortest life a token can have.
    await asyncio.sleep(1.1)
    for words, token in tokens.items():
        with pytest.raises(GuardianError, match=words) as refused:
            await enrol_async(folder, token, "Late")
        assert "guardian edge token" in str(refused.value)
        assert str(refused.value) in victim.log("node", "gateway")
        code, said = await run(["guardian", "edge", "enroll", "--state-dir", str(folder), "--token", token])
        assert code != 0
        assert words in " ".join(said.split())
        assert "Traceback" not in said
    assert not (folder / "identity" / "identity.json").exists()


async def test_a_forged_ticket_and_one_without_a_members_signature_are_refused_in_words(victim: Victim):
    house = victim.house
    ticket = await house.owner.ticket(house.node, [], [])
    head, body, signature = ticket.split(".")
    forged = f"{head}.{body}.{b64u(bytes(64))}"
    async with httpx.AsyncClient(base_url=house.relay_url, timeout=60) as relay:
        answer = await relay.post("/v1/challenges", json={"ticket": forged})
        await said_of(victim, answer, 401, "ticket_forged")
        unsigned = await house.owner.answer(relay, ticket, keys=Keys.generate())
        answer = await relay.post("/v1/sessions", json=unsigned)
        await said_of(victim, answer, 403, "bad_signature")
    assert signature


async def said_of(victim: Victim, answer: httpx.Response, code: int, reason: str) -> None:
    """The answer's sentence stands in the relay's log and in the node's status."""
    problem = answer.json()
    assert (answer.status_code, problem["reason"]) == (code, reason)
    assert problem["detail"] in victim.log("node", "relay")

    async def shown() -> bool:
        return problem["detail"] in await victim.status("node")

    with victim.house.street.explained():
        await until(shown)


async def test_a_forked_roster_is_told_by_the_edge_and_refused_by_the_api(victim: Victim):
    house = victim.house
    path = edge_roster.path_of(house.edge_state)
    good = path.read_bytes()
    await victim.restart_uplink(lambda: path.write_bytes(vault_roster.to_json(another_households())))
    sentence = SENTENCES["fork"]

    async def told() -> bool:
        return bool(sentence in (await house.edge_view())["roster"]["fault"])

    with house.street.explained():
        await until(told)
    assert sentence in victim.log("edge", "uplink")
    assert sentence in await victim.status("edge")
    await victim.restart_uplink(lambda: path.write_bytes(good))

    async def mended() -> bool:
        return bool((await house.edge_view())["roster"]["fault"] == "")

    with house.street.explained():
        await until(mended)
    forked = [{"payload": b64u(item.payload), "signature": b64u(item.signature)} for item in another_households()]
    answer = await house.owner.http.post("/vault/roster", json={"first": 0, "entries": forked})
    assert (answer.status_code, answer.json()["reason"]) == (409, "fork")
    assert answer.json()["detail"] in (house.street.folder / "c-api.log").read_text()
    assert (await house.owner.get("/vault/roster"))["entries"] == roster_of(Belongings(house))


def another_households() -> list[vault_roster.RosterEntry]:
    """A chain as good as any, of somebody else."""
    return [roster_author.genesis("Owner", Keys.generate())[1]]


async def test_an_event_signed_by_a_stranger_is_kept_back_and_told(victim: Victim):
    house = victim.house
    good = add_event(Belongings(house))
    store = EventStore(house.edge_state / "analyzer" / "events.db")
    row = store.event(good)
    assert row is not None
    event = Event.FromString(row.message)
    event.revision = 2
    data, start = event.SerializeToString(), time.time()
    stranger = StoredEvent(good, row.camera, row.label, start, start, start, 0.9, 2, data)
    store.save(stranger, sign_event(Keys.generate(), data), [], [])
    store.close()

    async def told() -> bool:
        return "refused 1 events for good" in await victim.status("edge")

    with house.street.explained():
        await until(told)
    sentence = "The event's signature is not that of the edge which sent it."
    assert sentence in victim.log("edge", "uplink")
    assert "event_signature" in victim.log("node", "gateway")
    seen = await house.owner.get(f"/events/{good}")
    assert seen["revision"] == 1


async def test_a_slot_with_an_absurd_cost_is_refused_in_words(victim: Victim):
    house = victim.house
    slots = await house.owner.get("/vault/slots")
    slot = next(item for item in slots if item["kind"] == "secret")
    for cost in ({"m": 2**31 - 1}, {"t": 4_000_000}, {"p": 0}, {"m": 8}):
        dear = {**slot, "kdf": {**slot["kdf"], **cost}}
        answer = await house.owner.http.put(f"/vault/slots/{slot['id']}", json=dear)
        assert (answer.status_code, answer.json()["reason"]) == (400, "kdf_refused")
        assert answer.json()["detail"] == SENTENCES["kdf_refused"]
    assert SENTENCES["kdf_refused"] in (house.street.folder / "c-api.log").read_text()
    kept = await house.owner.get("/vault/slots")
    assert sorted(kept, key=str) == sorted(slots, key=str)
