"""What the gateway says of its store: a full disk, and a writer that is gone, are never passed off as well."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.integration.node.browser import until
from tests.integration.node.kit import Node

from guardian.common.database import open_sqlite
from guardian.common.errors import StoreError
from guardian.common.lifecycle import Service
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
