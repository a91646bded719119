"""SQLite stores and Alembic: one writer a file, WAL, nothing acknowledged before it is on the disk."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.pool import NullPool, StaticPool

from guardian.common import schema
from guardian.common.errors import StoreError


def open_sqlite(path: Path, *, durable: bool = True, read_only: bool = False) -> sa.Engine:
    """An engine on one SQLite file.

    Args:
        durable: `synchronous=FULL`, needed where an acknowledgement rests on the row; otherwise NORMAL.
        read_only: for every daemon but the file's one writer.
    """
    url = f"sqlite:///file:{path}?mode={'ro' if read_only else 'rwc'}&uri=true"
    engine = sa.create_engine(
        url, poolclass=NullPool if read_only else StaticPool, connect_args={"check_same_thread": False}
    )

    if read_only:

        @event.listens_for(engine, "do_connect")
        def _open(_: object, __: object, ___: object, ____: object) -> sqlite3.Connection:
            return _connect_reader(path)

    @event.listens_for(engine, "connect")
    def _configure(connection: object, _: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA busy_timeout=5000")
        cursor.execute("PRAGMA foreign_keys=ON")
        if not read_only:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.close()

    return engine


def _connect_reader(path: Path) -> sqlite3.Connection:
    """For one look, of a user who may not write beside the file.

    A writer that ended well leaves no `-wal` behind, and SQLite would make one even to read. As nobody writes then, the
    file is read as one that does not change.
    """
    connection = _reader(path, "mode=ro")
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:
        if path.exists() and not path.with_name(f"{path.name}-wal").exists():
            connection.close()
            return _reader(path, "mode=ro&immutable=1")
    # What is wrong beside that it says itself, when it is asked.
    return connection


def _reader(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, check_same_thread=False)


class Sole:
    """An engine's one connection, for one thread at a time and for none once it is closed.

    A task that is cancelled leaves its thread at work: SQLite crashes the process when the connection goes meanwhile.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction; StoreError `store_closed` after `close`."""
        with self._lock:
            if self._closed:
                raise StoreError("The store is closed: this daemon ends.", reason="store_closed")
            with self._engine.begin() as connection:
                yield connection

    def close(self) -> None:
        """Wait for who is at work, then let go of the file."""
        with self._lock:
            self._closed = True
            self._engine.dispose()


def alembic_config(package: str) -> Config:
    """Alembic on the environment in a package folder, e.g. `guardian.node.gateway:migrations`."""
    config = Config()
    config.set_main_option("script_location", package)
    return config


def migrate_sqlite(engine: sa.Engine, package: str, revision: str = "head") -> None:
    """Bring a store to `revision`, up or down, in one transaction.

    A store that a newer release has only added to is left as it is and may be used; StoreError `store_newer` otherwise.
    """
    config = alembic_config(package)
    script = ScriptDirectory.from_config(config)
    try:
        with engine.begin() as connection:
            # The sqlite3 module begins a transaction before rows are written, not before tables are made.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            if not schema.is_known(connection, script, f"The store {_path_of(engine)}"):
                return
            current = schema.current(connection)
            config.attributes["connection"] = connection
            if revision == "head" or current is None:
                command.upgrade(config, revision)
            elif revision == "base" or _is_before(script, revision, current):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
            schema.state(connection, script)
    except sa.exc.DatabaseError as error:
        raise StoreError(
            f"The store {_path_of(engine)} cannot be opened: {error.orig}.",
            reason="store_unusable",
            hint="It was left as it is. Restore a backup, or move it aside to begin a new one.",
        ) from error


def _is_before(script: ScriptDirectory, revision: str, current: str) -> bool:
    return any(item.revision == revision for item in script.iterate_revisions(current, "base")) and revision != current


def _path_of(engine: sa.Engine) -> str:
    return (engine.url.database or "").removeprefix("file:")
