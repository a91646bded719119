"""Which code may use a store: migrations that only add leave it to the code before them, so that a release can go back.

A migration says `oldest_code = "0001"`: code that knows revision 0001 may use the store after it. One that does not say
so shuts out all code before itself. The store keeps that word in a table of its own, for code that has never heard of
the migration. (Synapse's rule: a schema's version, and the oldest one it is compatible with.)
"""

from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from guardian.common.errors import StoreError

TABLE = "oldest_code"


def current(connection: sa.Connection) -> str | None:
    """The revision the store is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def is_known(connection: sa.Connection, script: ScriptDirectory, store: str) -> bool:
    """Whether this code knows the store's revision and may migrate it; False when it may use it as it is.

    Raises StoreError `store_newer` when the store is another release's alone.
    """
    at = current(connection)
    known = {item.revision for item in script.walk_revisions("base", "heads")}
    if at is None or at in known:
        return True
    if stated(connection) in known:
        return False
    raise StoreError(
        f"{store} was written by a newer release (schema {at}), and this one may not use it.",
        reason="store_newer",
        hint="Install that release again, or restore a backup made before it.",
    )


def check(path: Path, package: str) -> None:
    """Whether this code may use an SQLite store, without opening it for writing; StoreError `store_newer` if not."""
    config = Config()
    config.set_main_option("script_location", package)
    engine = sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", poolclass=sa.NullPool)
    with engine.connect() as connection:
        is_known(connection, ScriptDirectory.from_config(config), f"The store {path}")


def stated(connection: sa.Connection) -> str:
    """The oldest code that may use the store, as it says itself; empty when it does not."""
    if not sa.inspect(connection).has_table(TABLE):
        return ""
    return str(connection.exec_driver_sql(f"SELECT code FROM {TABLE}").scalar_one_or_none() or "")  # noqa: S608


def state(connection: sa.Connection, script: ScriptDirectory) -> None:
    """Write into the store what the revision it is at says; called in the transaction that migrated it."""
    at = current(connection)
    if at is None:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {TABLE}")
        return
    code = oldest_code(script, at)
    if stated(connection) == code:
        return
    connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {TABLE} (code TEXT NOT NULL)")
    connection.exec_driver_sql(f"DELETE FROM {TABLE}")  # noqa: S608
    connection.execute(sa.text(f"INSERT INTO {TABLE} (code) VALUES (:code)"), {"code": code})  # noqa: S608


def oldest_code(script: ScriptDirectory, revision: str) -> str:
    """What a migration says, or its own revision."""
    return str(getattr(script.get_revision(revision).module, "oldest_code", revision))
