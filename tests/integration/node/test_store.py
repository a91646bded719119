"""What the gateway says of its store: a full disk, and a writer that is gone, are never passed off as well."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
import sqlalchemy as sa
from tests.integration.node.browser import until
from tests.integration.node.kit import Household, Node, edge_channel, edge_stub, enrolled_edge, open_node

from guardian.common import rpc
from guardian.common.database import open_sqlite
from guardian.common.errors import StoreError
from guardian.common.lifecycle import Service
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2
from guardian.node.config import NodeConfig
from guardian.node.gateway.main import look
from guardian.node.gateway.writer import Writer


def pages(count: int) -> "sa.TextClause":
    """SQLite's own way to have a disk that is full: its file may grow no further."""
    return sa.text(f"PRAGMA max_page_count = {count}")


def fill(connection: sa.Connection) -> None:
    large = "hex(zeroblob(450000))"
    connection.exec_driver_sql(f"INSERT INTO tokens (hash, name, expires_at) VALUES (randomblob(16), {large}, '')")


def service_of(node: Node) -> Service[NodeConfig]:
    return Service("gateway", node.settings, node.settings.run_dir, lambda: node.settings)


async def test_a_full_disk_is_told_until_it_has_room_again(node: Node):
    service, writer = service_of(node), node.gateway.store.writer
    await writer.run(lambda connection: connection.execute(pages(1)))
    with pytest.raises(StoreError, match="full") as caught:
        await writer.run(fill)
    assert caught.value.reason == "store_unwritable"
    look(service, node.gateway)
    said = service.health.get("store")
    assert said is not None
    assert (said.state, said.reason) == ("failed", "store_unwritable")
    assert "Edges keep their events" in said.sentence
    await writer.run(lambda connection: connection.execute(pages(1_000_000)))
    look(service, node.gateway)
    assert service.health.state != "failed"


@contextlib.contextmanager
def full_disk(node: Node) -> Iterator[None]:
    """No commit of the store's succeeds."""
    engine = node.gateway.store.writer._engine

    def refuse(_: sa.Connection) -> None:
        raise sa.exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("database or disk is full"))

    sa.event.listen(engine, "commit", refuse)
    try:
        yield
    finally:
        sa.event.remove(engine, "commit", refuse)


async def revoked_in_store(node: Node) -> list[str]:
    query = "SELECT id FROM edges WHERE revoked_at IS NOT NULL"
    return await node.gateway.store.read(lambda connection: list(connection.exec_driver_sql(query).scalars()))


async def dropped(channel: grpc.aio.Channel) -> None:
    """An open stream of the edge has ended for good."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await edge_stub(channel).ResumeEvents(edge_pb2.ResumeEventsRequest())
    assert rpc.reason_of(caught.value) == "edge_revoked"


async def test_an_edge_is_let_go_though_the_store_takes_nothing_and_it_is_written_when_it_does(
    folder: Path, household: Household
):
    node = await open_node(folder / "node")
    who = await enrolled_edge(node, folder / "edge")
    async with edge_channel(who) as channel:
        call = edge_stub(channel).ReceiveCommands(edge_pb2.ReceiveCommandsRequest())
        await call.wait_for_connection()
        await until(lambda: node.gateway.edges.is_online(who.edge))
        seen = node.gateway.edges.bell.count
        with full_disk(node):
            for _ in range(2):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await node.api.RevokeEdge(node_pb2.RevokeEdgeRequest(edge=who.edge))
                assert rpc.reason_of(caught.value) == "revocation_unwritten"
                assert "let go from now on, but that is not durable yet" in (caught.value.details() or "")
            with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
                await asyncio.wait_for(call.read(), 5)
            # The hub waits for this bell.
            assert node.gateway.edges.bell.count > seen
            assert list((await node.api.ListEdges(node_pb2.ListEdgesRequest())).edges) == []
            await dropped(channel)
            assert await revoked_in_store(node) == []
        await until(lambda: written(node, who.edge))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await node.api.RevokeEdge(node_pb2.RevokeEdgeRequest(edge=who.edge))
    assert rpc.reason_of(caught.value) == "edge_unknown"
    await node.close()


async def written(node: Node, edge: str) -> bool:
    return await revoked_in_store(node) == [edge]


async def test_whom_the_household_lets_go_is_gone_before_the_roster_can_be_written(folder: Path, household: Household):
    node = await open_node(folder / "node")
    who = await enrolled_edge(node, folder / "edge")
    household.add_edge(who)
    await node.give_roster(household)
    have = len(household.messages())
    household.revoke_edge(who.edge)
    with full_disk(node):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await node.give_roster(household)
        assert (caught.value.code(), rpc.reason_of(caught.value)) == (grpc.StatusCode.UNAVAILABLE, "store_unwritable")
        assert len(node.gateway.rosters.entries) == have
        async with edge_channel(who) as channel:
            await dropped(channel)
    # At the end it is tried once more.
    await node.close()
    again = await open_node(folder / "node")
    assert await revoked_in_store(again) == [who.edge]
    await again.give_roster(household)
    assert len(again.gateway.rosters.entries) == have + 1
    await again.close()


async def test_without_the_thread_that_writes_the_daemon_ends(node: Node):
    node.gateway.store.writer.close()
    with pytest.raises(StoreError) as caught:
        look(service_of(node), node.gateway)
    assert caught.value.reason == "thread_died"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_fault_of_our_own_in_a_job_ends_the_thread_and_is_seen(tmp_path: Path):
    writer = Writer(open_sqlite(tmp_path / "a.db"))

    def broken(connection: sa.Connection) -> None:
        raise TypeError("a fault of ours")

    with pytest.raises(StoreError) as caught:
        await writer.run(broken)
    assert caught.value.reason == "store_fault"
    await until(lambda: not writer.alive)
