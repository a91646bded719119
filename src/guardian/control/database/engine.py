"""Connections that know whose rows they may see: the one place a transaction is opened."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from guardian.common.clock import to_text
from guardian.common.errors import ConfigError, StoreError

CHANNEL = "guardian_live"
# PostgreSQL does not answer, or no connection was free in time.
DATABASE_AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
Row = sa.Row[*tuple[Any, ...]]
Select = sa.Select[*tuple[Any, ...]]
Kind = Literal["event", "cameras", "roster", "commands"]


@dataclass(frozen=True)
class Scope:
    """An open transaction, and the few ways its results are read."""

    connection: AsyncConnection

    async def run(self, statement: sa.Executable, rows: Sequence[dict[str, Any]] | None = None) -> int:
        """Execute, once or for each of `rows`; how many rows were touched."""
        result = await self.connection.execute(statement, rows)
        return int(getattr(result, "rowcount", -1))

    async def rows(self, query: sa.Executable) -> Sequence[Row]:
        """All rows."""
        return (await self.connection.execute(query)).all()

    async def row(self, query: sa.Executable) -> Row | None:
        """The one row, or none."""
        return (await self.connection.execute(query)).one_or_none()

    async def value(self, query: sa.Executable) -> Any:
        """The first column of the one row, or None."""
        return (await self.connection.execute(query)).scalar_one_or_none()

    async def values(self, query: sa.Executable) -> Sequence[Any]:
        """The first column of all rows."""
        return (await self.connection.execute(query)).scalars().all()


@dataclass(frozen=True)
class TenantScope(Scope):
    """A transaction inside one tenant. Its queries are the tenant's by construction; row security stands behind."""

    tenant_id: str

    def select(self, table: sa.Table, *columns: sa.ColumnElement[Any]) -> Select:
        """Rows of the tenant in `table`; `columns` may be of tables joined later."""
        return sa.select(*(columns or (table,))).select_from(table).where(table.c.tenant_id == self.tenant_id)

    def insert(self, table: sa.Table) -> Insert:
        """An insert of the tenant's own; further values are added by the caller."""
        return insert(table).values(tenant_id=self.tenant_id)

    def insert_many(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> Insert:
        """An insert of many rows in one statement; all have the same keys, and no bytes.

        They travel as one JSON value, which PostgreSQL takes apart: several times faster than a statement a row.
        """
        names = list(rows[0])
        data = sa.literal([[_plain(row[name]) for name in names] for row in rows], JSONB())
        item = sa.func.jsonb_array_elements(data).column_valued("item")
        values = [
            sa.cast(_element(item, index, table.c[name].type), table.c[name].type) for index, name in enumerate(names)
        ]
        query = sa.select(sa.literal(self.tenant_id, table.c.tenant_id.type), *values)
        return insert(table).from_select(["tenant_id", *names], query)

    def update(self, table: sa.Table) -> sa.Update:
        """An update of the tenant's rows."""
        return sa.update(table).where(table.c.tenant_id == self.tenant_id)

    def delete(self, table: sa.Table) -> sa.Delete:
        """A delete of the tenant's rows."""
        return sa.delete(table).where(table.c.tenant_id == self.tenant_id)

    async def lock(self, name: str) -> None:
        """Hold the tenant's lock of this name until the transaction ends."""
        key = sa.func.hashtextextended(f"{self.tenant_id}/{name}", 0)
        await self.run(sa.select(sa.func.pg_advisory_xact_lock(key)))

    async def notify(self, kind: Kind) -> None:
        """Wake whoever waits for news of this tenant, when the transaction has committed."""
        await self.run(sa.select(sa.func.pg_notify(CHANNEL, f"{self.tenant_id} {kind}")))


def _plain(value: Any) -> Any:
    return to_text(value) if isinstance(value, datetime) else value


def _element(item: Any, index: int, kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    # -> keeps JSON as it is, ->> gives the text that the column's type reads.
    element: sa.ColumnElement[Any] = item.op("->" if isinstance(kind, JSONB) else "->>", return_type=sa.Text())(
        sa.literal_column(str(index))
    )
    return element


@dataclass(frozen=True)
class OpenScope(Scope):
    """A transaction outside tenants: people's tables, and what row security shows to its settings."""

    def select(self, table: sa.Table, *columns: sa.ColumnElement[Any]) -> Select:
        """Rows of `table`; `columns` may be of tables joined later."""
        return sa.select(*(columns or (table,))).select_from(table)

    def insert(self, table: sa.Table) -> Insert:
        """An insert."""
        return insert(table)

    def update(self, table: sa.Table) -> sa.Update:
        """An update."""
        return sa.update(table)

    def delete(self, table: sa.Table) -> sa.Delete:
        """A delete."""
        return sa.delete(table)


class Database:
    """One role's connections.

    Args:
        dsn: `postgresql://…`, as libpq reads it.
    """

    def __init__(self, dsn: str, *, pool_size: int = 10) -> None:
        try:
            url = sa.make_url(dsn)
        except sa.exc.ArgumentError:
            raise ConfigError(
                "database.dsn is not an address.", reason="config_invalid", hint="postgresql://role@host/database"
            ) from None
        self.url = url.set(drivername="postgresql+psycopg")
        self._engine = create_async_engine(self.url, pool_size=pool_size, max_overflow=0, pool_pre_ping=True)

    @property
    def libpq_dsn(self) -> str:
        """For connections outside the pool. Holds the password: never logged."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @asynccontextmanager
    async def tenant(self, tenant_id: str) -> AsyncIterator[TenantScope]:
        """A transaction that sees one tenant's rows; committed at the end, rolled back on an error."""
        async with self._begin({"app.tenant_id": tenant_id}) as connection:
            yield TenantScope(connection, tenant_id)

    @asynccontextmanager
    async def people(self, *, user_id: str = "", secret_hash: bytes = b"") -> AsyncIterator[OpenScope]:
        """A transaction outside tenants, for accounts and one-time tokens.

        It sees no tenant's rows but the memberships of `user_id`, and the session or token whose hash is given.
        """
        async with self._begin({"app.user_id": user_id, "app.secret_hash": secret_hash.hex()}) as connection:
            yield OpenScope(connection)

    @asynccontextmanager
    async def _begin(self, settings: dict[str, str]) -> AsyncIterator[AsyncConnection]:
        async with self._engine.begin() as connection:
            # set_config(…, true) is SET LOCAL with its value bound, not pasted.
            calls = [sa.func.set_config(name, value, True) for name, value in settings.items()]
            await connection.execute(sa.select(*calls))
            yield connection

    async def check_role(self) -> None:
        """Refuse a role that row security would not bind."""
        query = sa.text(
            "SELECT rolsuper OR rolbypassrls OR EXISTS (SELECT FROM pg_class WHERE relname = 'tenants' "
            "AND relowner = r.oid) FROM pg_roles r WHERE rolname = current_user"
        )
        async with self._engine.connect() as connection:
            too_strong = (await connection.execute(query)).scalar_one()
        if too_strong:
            raise StoreError(
                "The database role of database.dsn is the owner or a superuser, whom row security does not bind.",
                reason="role_too_strong",
                hint="Name the daemons' own role there, e.g. guardian_app.",
            )

    async def ping(self) -> None:
        """Raises sqlalchemy.exc.SQLAlchemyError when PostgreSQL does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(sa.select(1))

    async def close(self) -> None:
        """Give all connections back."""
        await self._engine.dispose()
