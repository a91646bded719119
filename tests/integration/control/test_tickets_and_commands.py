"""Tickets name only what is the tenant's own on that node; commands are carried, answered once, and never made."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.integration.control.world import RELAY, Household

from guardian.common.clock import now
from guardian.common.ids import random_id, uuid7
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.contracts.vault.v1 import vault_pb2
from guardian.vault import commands
from guardian.vault.encoding import b64u, from_b64u
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster
from guardian.vault.roster_author import Author

TICKETS, COMMANDS = "/api/v1/tickets", "/api/v1/commands"


def wanted(home: Household, **changes: Any) -> dict[str, Any]:
    return {"node_id": home.node_id, "member": "ab" * 16, "objects": [], "events": [], **changes}


async def test_a_ticket_says_who_may_ask_which_node_for_what(home: Household) -> None:
    await home.report()
    summary = home.summary()
    await home.send(summary)
    object_id = summary.objects[0].id
    answer = await home.browser.post(TICKETS, json=wanted(home, objects=[object_id], events=[summary.id]))
    ticket = answer.json()
    assert (ticket["node_id"], ticket["relay_url"]) == (home.node_id, RELAY)
    key = Ed25519PublicKey.from_public_bytes(home.enrolment.ticket_keys[0])
    claims = jwt.decode(ticket["ticket"], key, algorithms=["EdDSA"], audience=home.node_id, issuer="guardian-control")
    me = await home.get("/session")
    assert (claims["sub"], claims["tenant"], claims["member"]) == (me["user"]["id"], home.tenant_id, "ab" * 16)
    assert (claims["objects"], claims["events"]) == ([object_id], [summary.id])
    assert 0 < claims["exp"] - claims["iat"] <= 60


async def test_what_is_not_on_that_node_gets_no_ticket(home: Household, neighbour: Household) -> None:
    await home.report()
    foreign = neighbour.summary()
    await neighbour.send(foreign)
    for change, reason in (
        ({"objects": [random_id().hex()]}, "object_unknown"),
        ({"objects": [foreign.objects[0].id]}, "object_unknown"),
        ({"events": [foreign.id]}, "event_unknown"),
        ({"node_id": neighbour.node_id}, "node_unknown"),
    ):
        answer = await home.browser.post(TICKETS, json=wanted(home, **change))
        assert (answer.status_code, answer.json()["reason"]) == (404, reason)


async def test_a_ticket_names_at_most_five_hundred_things(home: Household) -> None:
    ids = [random_id().hex() for _ in range(300)]
    events = [str(uuid7()) for _ in range(201)]
    answer = await home.browser.post(TICKETS, json=wanted(home, objects=ids, events=events))
    assert answer.status_code == 422


async def test_before_the_node_has_said_where_it_is_there_is_no_ticket(home: Household) -> None:
    answer = await home.browser.post(TICKETS, json=wanted(home))
    assert (answer.status_code, answer.json()["reason"]) == (409, "node_silent")


def command(home: Household, author: Author | None = None, **changes: Any) -> dict[str, str]:
    """A signed command as the browser posts it."""
    signer = author or home.author
    assert signer is not None
    values = {"command_id": str(uuid7()), "issued": now(), "expires": now() + timedelta(hours=1), **changes}
    payload, signature = commands.make_command(
        signer, Roster.verify(home.entries), home.edge_id, action={"type": "ping"}, **values
    )
    return {
        "id": values["command_id"],
        "edge_id": home.edge_id,
        "payload": b64u(payload),
        "signature": b64u(signature),
    }


async def vaulted(home: Household) -> None:
    await home.report()
    home.begin_roster()
    home.add_edge()
    (await home.post_roster(0, home.entries)).raise_for_status()


async def test_a_command_travels_to_its_node_and_its_answer_back(home: Household) -> None:
    await vaulted(home)
    stream = home.stub.ReceiveCommands(pb.ReceiveCommandsRequest())
    first, second = command(home), command(home)
    for body in (first, second, first):
        answer = await home.browser.post(COMMANDS, json=body)
        assert answer.status_code == 202
        assert answer.json()["accepted"] is None
    received = [(await asyncio.wait_for(stream.read(), 20)).command for _ in range(2)]
    assert [(item.id, item.edge_id) for item in received] == [(body["id"], home.edge_id) for body in (first, second)]
    assert received[0].payload == from_b64u(first["payload"])
    for accepted in (True, False):
        # Only the first answer counts.
        result = vault_pb2.CommandResult(
            command_id=first["id"], accepted=accepted, reason="done" if accepted else "no", sentence="Pinged\0."
        )
        await home.stub.ReportCommand(pb.ReportCommandRequest(result=result))
    state = await home.get(f"/commands/{first['id']}")
    assert (state["accepted"], state["reason"], state["sentence"]) == (True, "done", "Pinged .")
    stream.cancel()
    # After a break only what is unanswered comes again.
    again = home.stub.ReceiveCommands(pb.ReceiveCommandsRequest())
    assert (await asyncio.wait_for(again.read(), 20)).command.id == second["id"]
    again.cancel()


async def test_a_command_nobody_of_the_household_signed_is_not_carried(home: Household) -> None:
    await vaulted(home)
    assert home.author is not None
    cases = [
        (command(home, Author(home.author.id, Keys.generate())), "bad_signature"),
        (command(home, Author(random_id().hex(), Keys.generate())), "stranger"),
        ({**command(home), "payload": b64u(b"{}")}, "command_malformed"),
        ({**command(home), "id": str(uuid7())}, "command_misaddressed"),
        (command(home, issued=now() - timedelta(days=2), expires=now() - timedelta(days=1)), "command_expired"),
    ]
    for body, reason in cases:
        answer = await home.browser.post(COMMANDS, json=body)
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)


async def test_an_id_belongs_to_one_command(home: Household) -> None:
    await vaulted(home)
    body = command(home)
    (await home.browser.post(COMMANDS, json=body)).raise_for_status()
    other = command(home, command_id=body["id"])
    answer = await home.browser.post(COMMANDS, json=other)
    assert (answer.status_code, answer.json()["reason"]) == (409, "command_differs")


async def test_there_are_no_commands_before_there_is_a_vault(home: Household) -> None:
    await home.report()
    home.begin_roster()
    answer = await home.browser.post(COMMANDS, json=command(home))
    assert (answer.status_code, answer.json()["reason"]) == (409, "no_roster")


async def test_an_answer_to_a_command_that_is_not_there_is_refused(home: Household) -> None:
    for command_id in (str(uuid7()), "not an id", ""):
        result = vault_pb2.CommandResult(command_id=command_id, accepted=True, reason="done")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await home.stub.ReportCommand(pb.ReportCommandRequest(result=result))
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
