"""SQLite stores: migrated up and down, refused when newer or damaged, one writer."""

import os
import tempfile
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from guardian.common import database, schema
from guardian.common.errors import StoreError

FIRST = """
revision, down_revision = "0001", None
import sqlalchemy as sa
from alembic import op

def upgrade():
    op.create_table("events", sa.Column("id", sa.Text, primary_key=True))

def downgrade():
    op.drop_table("events")
"""
SECOND = """
revision, down_revision = "0002", "0001"
import sqlalchemy as sa
from alembic import op

def upgrade():
    op.add_column("events", sa.Column("label", sa.Text))

def downgrade():
    op.drop_column("events", "label")
"""
ENVIRONMENT = """
from alembic import context
context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(ENVIRONMENT)
    (folder / "versions" / "0001.py").write_text(FIRST)
    (folder / "versions" / "0002.py").write_text(SECOND)
    return folder


def columns(engine: sa.Engine) -> set[str]:
    inspector = sa.inspect(engine)
    return {item["name"] for item in inspector.get_columns("events")} if inspector.has_table("events") else set()


def test_a_store_goes_up_and_down_and_stays_when_asked_again(tmp_path: Path, migrations: Path) -> None:
    engine = database.open_sqlite(tmp_path / "a.db")
    for revision, expected in (
        ("head", {"id", "label"}),
        ("head", {"id", "label"}),
        ("0001", {"id"}),
        ("0002", {"id", "label"}),
        ("base", set()),
        ("0001", {"id"}),
    ):
        database.migrate_sqlite(engine, str(migrations), revision)
        assert columns(engine) == expected
    engine.dispose()


def test_a_store_written_by_a_newer_release_is_refused_and_left_as_it_is(tmp_path: Path, migrations: Path) -> None:
    engine = database.open_sqlite(tmp_path / "a.db")
    database.migrate_sqlite(engine, str(migrations))
    (migrations / "versions" / "0002.py").unlink()
    with pytest.raises(StoreError, match=r"written by a newer release \(schema 0002\)") as caught:
        database.migrate_sqlite(engine, str(migrations))
    assert caught.value.reason == "store_newer"
    assert columns(engine) == {"id", "label"}
    engine.dispose()


def test_a_store_that_a_newer_release_only_added_to_is_used_as_it_is(tmp_path: Path, migrations: Path) -> None:
    engine = database.open_sqlite(tmp_path / "a.db")
    newer = SECOND + '\noldest_code = "0001"\n'
    (migrations / "versions" / "0002.py").write_text(newer)
    database.migrate_sqlite(engine, str(migrations))
    (migrations / "versions" / "0002.py").unlink()
    database.migrate_sqlite(engine, str(migrations))
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO events (id) VALUES ('written by the older code')")
    (migrations / "versions" / "0002.py").write_text(newer)
    database.migrate_sqlite(engine, str(migrations))
    assert columns(engine) == {"id", "label"}
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM events WHERE label IS NULL").scalar_one() == 1
    engine.dispose()


def test_code_older_than_the_oldest_that_may_is_refused(tmp_path: Path, migrations: Path) -> None:
    engine = database.open_sqlite(tmp_path / "a.db")
    third = SECOND.replace('"0002", "0001"', '"0003", "0002"').replace("label", "note") + '\noldest_code = "0002"\n'
    (migrations / "versions" / "0003.py").write_text(third)
    database.migrate_sqlite(engine, str(migrations))
    (migrations / "versions" / "0003.py").unlink()
    database.migrate_sqlite(engine, str(migrations))
    (migrations / "versions" / "0002.py").unlink()
    with pytest.raises(StoreError, match="this one may not use it"):
        database.migrate_sqlite(engine, str(migrations))
    engine.dispose()


def test_going_down_says_again_what_the_revision_before_said(tmp_path: Path, migrations: Path) -> None:
    engine = database.open_sqlite(tmp_path / "a.db")
    said = []
    for revision in ("0001", "0002", "0001"):
        database.migrate_sqlite(engine, str(migrations), revision)
        with engine.connect() as connection:
            said.append(schema.stated(connection))
    assert said == ["0001", "0002", "0001"]
    engine.dispose()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, migrations: Path) -> None:
    engine = database.open_sqlite(tmp_path / "a.db")
    database.migrate_sqlite(engine, str(migrations), "0001")
    # It fails when half of it is done: tables made before the fault must go again.
    broken = SECOND.replace("op.add_column", "op.execute('CREATE TABLE half (x)'); op.add_column")
    broken = broken.replace("def downgrade", "    op.execute('INSERT INTO nowhere VALUES (1)')\n\n\ndef downgrade")
    (migrations / "versions" / "0002.py").write_text(broken)
    with pytest.raises(StoreError) as caught:
        database.migrate_sqlite(engine, str(migrations))
    assert caught.value.reason == "store_unusable"
    assert columns(engine) == {"id"}
    assert not sa.inspect(engine).has_table("half")
    (migrations / "versions" / "0002.py").write_text(SECOND)
    database.migrate_sqlite(engine, str(migrations))
    assert columns(engine) == {"id", "label"}
    engine.dispose()


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"this is not a database at all" * 100)
    engine = database.open_sqlite(path)
    with pytest.raises(StoreError) as caught:
        database.migrate_sqlite(engine, str(migrations))
    assert caught.value.reason == "store_unusable"
    assert "left as it is" in str(caught.value)
    engine.dispose()
    assert path.read_bytes().startswith(b"this is not")


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_a_store_is_a_write_ahead_log_as_durable_as_asked(tmp_path: Path, durable: bool, level: int) -> None:
    engine = database.open_sqlite(tmp_path / "a.db", durable=durable)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def test_a_reader_cannot_write_and_makes_no_file(tmp_path: Path) -> None:
    absent = database.open_sqlite(tmp_path / "absent.db", read_only=True)
    with pytest.raises(sa.exc.OperationalError):
        absent.connect()
    assert not (tmp_path / "absent.db").exists()
    writer = database.open_sqlite(tmp_path / "a.db")
    with writer.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    reader = database.open_sqlite(tmp_path / "a.db", read_only=True)
    with reader.connect() as connection, pytest.raises(sa.exc.OperationalError, match="readonly"):
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    reader.dispose()
    writer.dispose()


def test_another_user_reads_a_store_while_its_writer_runs_after_it_was_killed_and_after_it_ended_well() -> None:
    with tempfile.TemporaryDirectory(prefix="gr-") as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "events.db"
        writer = database.open_sqlite(path)
        with writer.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE outbox (position INTEGER PRIMARY KEY)")
            connection.exec_driver_sql("INSERT INTO outbox VALUES (1)")
        for item in Path(folder).iterdir():
            item.chmod(0o644)
        assert as_stranger(path) == 1, "while it runs"
        left = {item.name: item.read_bytes() for item in Path(folder).iterdir()}
        writer.dispose()
        assert [item.name for item in Path(folder).iterdir()] == ["events.db"]
        assert as_stranger(path) == 1, "after it ended well"
        for name, data in left.items():
            (Path(folder) / name).write_bytes(data)
        assert as_stranger(path) == 1, "after it was killed"


def as_stranger(path: Path) -> int:
    """How many rows a process sees that may only read; as root it becomes nobody."""
    child = os.fork()
    if child == 0:
        seen = 99
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
            else:
                path.parent.chmod(0o555)
            with database.open_sqlite(path, read_only=True).connect() as connection:
                seen = int(connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one())
        finally:
            os._exit(seen)
    status = os.waitpid(child, 0)[1]
    path.parent.chmod(0o755)
    return os.waitstatus_to_exitcode(status)


def test_a_store_is_closed_when_nobody_is_at_work_in_it_and_then_takes_no_more(tmp_path: Path) -> None:
    """A cancelled task's thread goes on: without this the process crashes now and then."""
    sole = database.Sole(database.open_sqlite(tmp_path / "a.db"))
    inside, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def work() -> None:
        with sole.begin() as connection:
            inside.set()
            go_on.wait(10)
            connection.exec_driver_sql("CREATE TABLE t (id INTEGER)")
            order.append("written")

    def close() -> None:
        sole.close()
        order.append("closed")

    threads = [threading.Thread(target=work), threading.Thread(target=close)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert order == ["written", "closed"]
    with pytest.raises(StoreError) as caught, sole.begin():
        pass
    assert caught.value.reason == "store_closed"
