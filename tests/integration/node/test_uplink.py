"""The edge's line to its node: nothing lost, nothing believed that a member did not sign."""

import asyncio
import datetime as dt
import json
import shutil
import socket
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.node.browser import HomeEdge, edge_info, start_edge, until
from tests.integration.node.kit import Household, Node, open_node

from guardian.common.clock import now
from guardian.common.errors import GuardianError
from guardian.common.ids import uuid7
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2
from guardian.contracts.vault.v1 import vault_pb2
from guardian.edge.roster import RosterFile, path_of
from guardian.edge.uplink.rosters import RosterKeeper
from guardian.edge.uplink.store import UplinkStore
from guardian.vault.commands import make_command
from guardian.vault.identity import Keys
from guardian.vault.roster import from_json, to_json
from guardian.vault.roster_author import Author


@pytest.fixture
async def edge(node: Node, folder: Path) -> AsyncIterator[HomeEdge]:
    cameras = folder / "edge" / "cameras"
    cameras.mkdir(parents=True)
    (cameras / "front.yaml").write_text("name: Front door\npath: rtsp://camera.test/stream\n")
    edge = await start_edge(node, folder / "edge")
    yield edge
    edge.outbox.close()
    await edge.stop()


def stored_roster(edge: HomeEdge) -> int:
    path = edge.settings.state_dir / "uplink" / "roster.json"
    return len(from_json(path.read_bytes())) if path.exists() else 0


async def stored_events(node: Node) -> list[str]:
    rows = await node.gateway.store.events_after(0, 1000)
    return [edge_pb2.Event.FromString(row.event).id for row in rows]


async def test_events_made_while_the_node_was_away_arrive_when_it_is_back(folder: Path, household: Household):
    node = await open_node(folder / "node")
    edge = await start_edge(node, folder / "edge")
    first = edge.emit(household.id)
    await until(lambda: stored_events(node))
    port = node.gateway.edge_address
    await node.close()
    later = [edge.emit(household.id) for _ in range(20)]
    await until(lambda: not edge.is_up("events"))
    again = await open_node(folder / "node", listen=port)
    try:
        await until(lambda: _all_there(again, [first, *later]))
        info = await edge_info(again, edge.who.edge)
        assert info.status.outbox_waiting in range(22)
    finally:
        edge.outbox.close()
        await edge.stop()
        await again.close()


async def test_a_node_restored_from_a_backup_gets_what_it_had_acknowledged_since(folder: Path, household: Household):
    node = await open_node(folder / "node")
    edge = await start_edge(node, folder / "edge")
    store = folder / "node" / "state" / "gateway" / "node.db"
    kept = [edge.emit(household.id) for _ in range(3)]
    await until(lambda: _all_there(node, kept))
    with sqlite3.connect(store) as source, sqlite3.connect(folder / "backup.db") as backup:
        source.backup(backup)
    lost = [edge.emit(household.id) for _ in range(5)]
    await until(lambda: _all_there(node, [*kept, *lost]))
    await until(lambda: UplinkStore(edge.settings.state_dir).cursor() == 8)
    address = node.gateway.edge_address
    await node.close()
    for path in store.parent.glob("node.db*"):
        path.unlink()
    shutil.copy(folder / "backup.db", store)
    again = await open_node(folder / "node", listen=address)
    try:
        # Nobody tells the edge: it asks how far the node got, and sends the rest again.
        await until(lambda: _all_there(again, [*kept, *lost]))
        new = edge.emit(household.id)
        await until(lambda: _all_there(again, [*kept, *lost, new]))
    finally:
        edge.outbox.close()
        await edge.stop()
        await again.close()


async def _all_there(node: Node, wanted: list[str]) -> bool:
    return await stored_events(node) == wanted


async def test_a_ring_is_answered_at_once(node: Node, edge: HomeEdge, household: Household):
    await until(lambda: edge.is_up("events"))
    edge.emit(household.id)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.connect(str(edge.settings.run_dir / "uplink" / "ring.sock"))
        bell.send(b"\n")
    await until(lambda: stored_events(node))


async def test_what_the_node_refuses_is_kept_with_its_reason_and_the_rest_goes_on(
    node: Node, edge: HomeEdge, household: Household
):
    edge.emit(household.id, label="x" * 100)
    good = edge.emit(household.id)
    await until(lambda: stored_events(node))
    assert await stored_events(node) == [good]
    await until(lambda: edge.service.health.get("refused"))
    store = UplinkStore(edge.settings.state_dir)
    [(position, reason, sentence)] = store.refused()
    assert (position, reason) == (1, "event_malformed")
    assert "label" in sentence
    assert store.cursor() == 2
    store.close()


async def test_the_roster_reaches_the_edge_and_grows(node: Node, edge: HomeEdge, household: Household):
    await node.give_roster(household)
    await until(lambda: stored_roster(edge) == 1)
    household.add_edge(edge.who)
    await node.give_roster(household)
    await until(lambda: stored_roster(edge) == 2)

    async def known() -> bool:
        return (await edge_info(node, edge.who.edge)).status.roster_head == household.roster.head_hash

    await until(known)


async def test_a_forked_roster_is_refused_told_and_the_old_one_kept(folder: Path, household: Household):
    node = await open_node(folder / "node")
    edge = await start_edge(node, folder / "edge")
    household.add_edge(edge.who)
    await node.give_roster(household)
    await until(lambda: stored_roster(edge) == 2)
    address = node.gateway.edge_address
    await node.close()
    # Somebody rewrites the node's store: another household, as valid in itself.
    other = Household()
    other.add_edge(edge.who)
    other.add_member("Eve")
    (folder / "node" / "state" / "gateway" / "node.db").rename(folder / "node.db")
    fresh = await open_node(folder / "node", listen=address)
    await fresh.gateway.stop()
    await fresh.channel.close()
    _replace_roster(folder / "node.db", other)
    for leftover in (folder / "node" / "state" / "gateway").glob("node.db*"):
        leftover.unlink()
    (folder / "node.db").rename(folder / "node" / "state" / "gateway" / "node.db")
    hostile = await open_node(folder / "node", listen=address)
    try:

        async def told() -> bool:
            return "contradicts" in (await edge_info(hostile, edge.who.edge)).status.roster_fault

        await until(told, 30)
        assert stored_roster(edge) == 2
        health = edge.service.health.get("roster")
        assert health is not None
        assert (health.state, health.reason) == ("failed", "fork")
    finally:
        edge.outbox.close()
        await edge.stop()
        await hostile.close()


async def test_of_another_household_than_the_seed_named_no_roster_is_taken(node: Node, folder: Path):
    """The first the edge is shown: without the seed's word it would be believed."""
    theirs, other = Household(), Household()
    edge = await start_edge(node, folder / "edge", fingerprint=theirs.roster.genesis_hash.hex())
    other.add_edge(edge.who)
    await node.give_roster(other)
    try:

        async def told() -> bool:
            return "another household's" in (await edge_info(node, edge.who.edge)).status.roster_fault

        await until(told, 30)
        assert stored_roster(edge) == 0
        health = edge.service.health.get("roster")
        assert health is not None
        assert (health.state, health.reason) == ("failed", "other_household")
        assert "goes on being used" not in health.sentence
        # And whoever records asks for itself: a file laid there by hand opens nothing.
        path = path_of(edge.settings.state_dir)
        path.write_bytes(to_json(other.roster.entries))
        with pytest.raises(GuardianError) as caught:
            RosterFile(edge.settings.state_dir).recipient(edge.who)
        assert caught.value.reason == "other_household"
        theirs.add_edge(edge.who)
        path.write_bytes(to_json(theirs.roster.entries))
        assert RosterFile(edge.settings.state_dir).recipient(edge.who).household == theirs.id
    finally:
        edge.outbox.close()
        await edge.stop()


async def test_the_household_the_seed_named_is_taken_and_its_owner_still_confirms(node: Node, folder: Path):
    theirs = Household()
    edge = await start_edge(node, folder / "edge", fingerprint=theirs.roster.genesis_hash.hex())
    await node.give_roster(theirs)
    try:
        await until(lambda: stored_roster(edge) == 1)
        with pytest.raises(GuardianError) as caught:
            RosterFile(edge.settings.state_dir).recipient(edge.who)
        assert caught.value.reason == "edge_unconfirmed"
    finally:
        edge.outbox.close()
        await edge.stop()


def _replace_roster(path: Path, household: Household) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM roster")
        rows = [(seq, item.payload, item.signature) for seq, item in enumerate(household.roster.entries)]
        connection.executemany("INSERT INTO roster VALUES (?, ?, ?)", rows)
        connection.commit()


async def test_the_node_itself_refuses_a_fork_and_a_broken_chain(node: Node, household: Household):
    import grpc

    from guardian.common import rpc

    household.add_member("Guest")
    await node.give_roster(household)
    other = Household()
    other.add_member("Eve")
    bent = household.messages()
    bent[1].signature = bytes(64)
    for first, entries, expected in (
        (0, other.messages(), "fork"),
        (1, other.messages(1), "fork"),
        (0, bent, "fork"),
        (2, other.messages(1), "roster_order"),
        (5, household.messages(), "roster_order"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await node.api.AppendRoster(node_pb2.AppendRosterRequest(first=first, entries=entries))
        assert (caught.value.code(), rpc.reason_of(caught.value)) == (grpc.StatusCode.FAILED_PRECONDITION, expected)
    answer = await node.api.GetRoster(node_pb2.GetRosterRequest(have_entries=0))
    assert list(answer.entries) == household.messages()


def command(
    household: Household, edge_id: str, action: dict[str, Any], author: Author | None = None, **times: dt.datetime
) -> vault_pb2.SignedCommand:
    moment = now()
    issued, expires = times.get("issued", moment), times.get("expires", moment + dt.timedelta(hours=1))
    name = str(uuid7())
    payload, signature = make_command(
        author or household.author, household.roster, edge_id, name, action, issued=issued, expires=expires
    )
    return vault_pb2.SignedCommand(id=name, edge_id=edge_id, payload=payload, signature=signature)


RENAME = {"type": "rename_camera", "camera": "front", "name": "Garden gate"}


async def answers(node: Node, count: int) -> dict[str, vault_pb2.CommandResult]:
    found: dict[str, vault_pb2.CommandResult] = {}
    call = node.api.WatchCommandResults(node_pb2.WatchCommandResultsRequest(), timeout=30)
    async for answer in call:
        found[answer.result.command_id] = answer.result
        if len(found) >= count:
            break
    call.cancel()
    return found


async def test_a_members_command_is_carried_out_and_shown(node: Node, edge: HomeEdge, household: Household):
    household.add_edge(edge.who)
    await node.give_roster(household)
    await until(lambda: stored_roster(edge) == 2)
    order = command(household, edge.who.edge, RENAME)
    await node.api.PutCommand(node_pb2.PutCommandRequest(command=order))
    result = (await answers(node, 1))[order.id]
    assert (result.accepted, result.reason) == (True, "done")

    async def renamed() -> bool:
        cameras = (await edge_info(node, edge.who.edge)).status.cameras
        return [(camera.id, camera.name) for camera in cameras] == [("front", "Garden gate")]

    await until(renamed)
    await node.api.AckCommandResult(node_pb2.AckCommandResultRequest(command_id=order.id))
    assert await node.gateway.commands.unconfirmed() == []


async def test_commands_nobody_may_give_are_refused_with_their_reason(node: Node, edge: HomeEdge, household: Household):
    household.add_edge(edge.who)
    await node.give_roster(household)
    await until(lambda: stored_roster(edge) == 2)
    stranger = Author(household.author.id, Keys.generate())
    nobody = Author("ab" * 16, Keys.generate())
    late = now() - dt.timedelta(hours=2)
    good = command(household, edge.who.edge, RENAME)
    bent = vault_pb2.SignedCommand(
        id=str(uuid7()), edge_id=edge.who.edge, payload=good.payload, signature=good.signature
    )
    misaddressed = command(household, "cd" * 16, RENAME)
    misaddressed.edge_id = edge.who.edge
    noise = vault_pb2.SignedCommand(id=str(uuid7()), edge_id=edge.who.edge, payload=b"{}", signature=bytes(64))
    orders = {
        "bad_signature": command(household, edge.who.edge, RENAME, stranger),
        "stranger": command(household, edge.who.edge, RENAME, nobody),
        "command_expired": command(
            household, edge.who.edge, RENAME, issued=late, expires=late + dt.timedelta(minutes=1)
        ),
        "command_early": command(household, edge.who.edge, RENAME, issued=now() + dt.timedelta(minutes=30)),
        "command_misaddressed": misaddressed,
        "command_malformed": noise,
        "camera_unknown": command(household, edge.who.edge, {**RENAME, "camera": "attic"}),
        "camera_name": command(household, edge.who.edge, {**RENAME, "name": "a\nb"}),
        "command_unknown_action": command(household, edge.who.edge, {"type": "open_door"}),
    }
    for order in [*orders.values(), bent]:
        await node.api.PutCommand(node_pb2.PutCommandRequest(command=order))
    found = await answers(node, len(orders) + 1)
    assert {reason: found[order.id].reason for reason, order in orders.items()} == {name: name for name in orders}
    # Replayed under another id it is not the command its author signed.
    assert found[bent.id].reason == "command_misaddressed"
    assert not any(result.accepted for result in found.values())
    assert all(result.sentence for result in found.values())


async def test_a_command_is_carried_out_once_even_if_it_is_shown_again(
    node: Node, edge: HomeEdge, household: Household
):
    household.add_edge(edge.who)
    await node.give_roster(household)
    await until(lambda: stored_roster(edge) == 2)
    first = command(household, edge.who.edge, RENAME)
    await node.api.PutCommand(node_pb2.PutCommandRequest(command=first))
    await answers(node, 1)
    second = command(household, edge.who.edge, {**RENAME, "name": "Shed"})
    await node.api.PutCommand(node_pb2.PutCommandRequest(command=second))
    await until(lambda: _answered(node, second.id))
    # The node forgets the answer and sends the first command once more.
    await node.gateway.store.writer.run(
        lambda connection: connection.exec_driver_sql("UPDATE commands SET result = NULL WHERE id = ?", (first.id,))
    )
    node.gateway.commands.new.ring()
    await until(lambda: _answered(node, first.id))
    store = UplinkStore(edge.settings.state_dir)
    assert store.camera_names() == {"front": "Shed"}
    store.close()


async def _answered(node: Node, command_id: str) -> bool:
    return command_id in {result.command_id for result in await node.gateway.commands.unconfirmed()}


async def test_the_gateway_carries_no_malformed_or_doubled_command(node: Node, edge: HomeEdge, household: Household):
    import grpc

    from guardian.common import rpc

    household.add_edge(edge.who)
    good = command(household, edge.who.edge, RENAME)
    await node.api.PutCommand(node_pb2.PutCommandRequest(command=good))
    await node.api.PutCommand(node_pb2.PutCommandRequest(command=good))
    other = vault_pb2.SignedCommand(id=good.id, edge_id=good.edge_id, payload=b"{}", signature=bytes(64))
    unknown = vault_pb2.SignedCommand(id=str(uuid7()), edge_id="0" * 32, payload=b"{}", signature=bytes(64))
    short = vault_pb2.SignedCommand(id=str(uuid7()), edge_id=good.edge_id, payload=b"{}", signature=b"")
    unnamed = vault_pb2.SignedCommand(id="x", edge_id=good.edge_id, payload=b"{}", signature=bytes(64))
    for order, expected in (
        (other, "command_conflict"),
        (unknown, "edge_unknown"),
        (short, "command_malformed"),
        (unnamed, "command_malformed"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await node.api.PutCommand(node_pb2.PutCommandRequest(command=order))
        assert rpc.reason_of(caught.value) == expected


async def test_a_camera_whose_daemon_is_down_is_told_as_failed(node: Node, edge: HomeEdge):
    async def cameras() -> list[edge_pb2.CameraStatus]:
        return list((await edge_info(node, edge.who.edge)).status.cameras)

    [front] = await until(cameras)
    assert (front.id, front.reason) == ("front", "daemon_away")
    assert "rtsp" not in front.sentence


async def test_a_damaged_pin_is_not_silently_forgotten(node: Node, edge: HomeEdge, household: Household):
    await node.give_roster(household)
    await until(lambda: stored_roster(edge) == 1)
    path = edge.settings.state_dir / "uplink" / "roster.json"
    damaged = json.loads(path.read_bytes())
    damaged["entries"][0]["signature"] = "A" * 86
    path.write_text(json.dumps(damaged))
    from guardian.common import rpc
    from guardian.common.health import Health

    async with rpc.mutual_channel(edge.who.gateway, edge.who.folder) as channel:
        with pytest.raises(GuardianError, match=r"roster\.json"):
            RosterKeeper(edge.settings.state_dir, channel, Health("test"))
    await asyncio.sleep(0)
