"""Runs migrations as the owner, and makes sure of the daemons' role before."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from guardian.common import schema
from guardian.common.database import alembic_config
from guardian.common.errors import ConfigError, StoreError
from guardian.control.config import DatabaseSection

PACKAGE = "guardian.control:migrations"
# Two migrations at once would meet half a schema.
_LOCK = 0x6775_6172_6469_616E


async def migrate(settings: DatabaseSection, revision: str = "head") -> str:
    """Bring the schema to `revision`, up or down, in one transaction; the revision it is at then, empty for none.

    A database that a newer release has only added to stays as it is.

    Raises StoreError `store_newer`, `role_missing`, `role_too_strong`, or `store_unusable`.
    """
    role = sa.make_url(settings.dsn).username
    if not settings.owner_dsn or not role:
        raise ConfigError(
            "database.owner_dsn and a role in database.dsn are needed to migrate.", reason="config_invalid"
        )
    config = alembic_config(PACKAGE)
    config.attributes["app_role"] = role
    url = sa.make_url(settings.owner).set(drivername="postgresql+psycopg")
    engine = create_async_engine(url, poolclass=sa.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_prepare, role)
            return await connection.run_sync(_run, config, revision)
    except sa.exc.DBAPIError as error:
        raise StoreError(
            f"The database cannot be migrated: {str(error.orig).strip().splitlines()[0]}.",
            reason="store_unusable",
            hint="It was left as it is. Check that PostgreSQL runs and that database.owner_dsn names the owner's role.",
        ) from error
    finally:
        await engine.dispose()


def _prepare(connection: sa.Connection, role: str) -> None:
    query = "SELECT rolsuper OR rolbypassrls, rolname = current_user FROM pg_roles WHERE rolname = :role"
    row = connection.execute(sa.text(query), {"role": role}).one_or_none()
    if row is None:
        raise StoreError(
            f"The daemons' role {role} does not exist in PostgreSQL.",
            reason="role_missing",
            hint=f'Create it as a superuser: CREATE ROLE "{role}" LOGIN NOINHERIT.',
        )
    if any(row):
        raise StoreError(
            f"The daemons' role {role} is the owner or a superuser, whom row security does not bind.",
            reason="role_too_strong",
            hint="Give database.dsn a role of its own.",
        )
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {quoted}")


def _run(connection: sa.Connection, config: Config, revision: str) -> str:
    script = ScriptDirectory.from_config(config)
    if not schema.is_known(connection, script, "The database"):
        # A newer release has only added to it: what this one needs is there.
        return schema.current(connection) or ""
    known = [item.revision for item in script.walk_revisions("base", "heads")]
    current = schema.current(connection)
    config.attributes["connection"] = connection
    # Newest first: what stands further back in the list is older.
    down = current is not None and (revision == "base" or known[known.index(current) + 1 :].count(revision) > 0)
    (command.downgrade if down else command.upgrade)(config, revision)
    schema.state(connection, script)
    return schema.current(connection) or ""
