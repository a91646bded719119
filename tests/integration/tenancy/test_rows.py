"""Behind every query stands the database: asked directly, as the daemons' own role, it keeps the houses apart.

The tables are those the database has with a column `tenant_id`, the months of events included.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from tests.integration.tenancy.conftest import Neighbours

from guardian.cli.demo.postgres import APP, SUPERUSER

TABLES = """
    SELECT c.relname FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') ORDER BY c.relname"""


@contextmanager
def connected(neighbours: Neighbours, role: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that leaves nothing behind."""
    with psycopg.connect(neighbours.fen.house.street.postgres.dsn(role)) as connection:
        yield connection
        connection.rollback()


def tables(neighbours: Neighbours) -> list[str]:
    with connected(neighbours, SUPERUSER) as connection:
        return [row[0] for row in connection.execute(TABLES)]


def tenants_in(connection: psycopg.Connection[Any], table: str) -> set[str]:
    """Whose rows are seen."""
    query = sql.SQL("SELECT DISTINCT tenant_id FROM {}").format(sql.Identifier(table))
    return {row[0].hex for row in connection.execute(query)}


def enter(connection: psycopg.Connection[Any], tenant: str) -> None:
    connection.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant,))


def is_month(table: str) -> bool:
    return table.startswith("events_2")


async def test_every_kind_of_row_is_there_for_both_houses(neighbours: Neighbours):
    both = {neighbours.fen.house.tenant, neighbours.moor.house.tenant}
    with connected(neighbours, SUPERUSER) as connection:
        missing = [
            name for name in tables(neighbours) if not is_month(name) and not both <= tenants_in(connection, name)
        ]
    assert missing == []


async def test_the_daemons_role_sees_the_rows_of_the_tenant_it_named_and_without_one_none(neighbours: Neighbours):
    found = tables(neighbours)
    assert len(found) > 12
    for name in found:
        for tenant in (neighbours.fen.house.tenant, neighbours.moor.house.tenant):
            with connected(neighbours, APP) as connection:
                if is_month(name):
                    # A month is reached through the whole table alone.
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        tenants_in(connection, name)
                    continue
                assert tenants_in(connection, name) == set(), name
                enter(connection, tenant)
                assert tenants_in(connection, name) == {tenant}, name


async def test_the_daemons_role_changes_and_gives_away_no_row_across_houses(neighbours: Neighbours):
    fen, moor = neighbours.fen.house.tenant, neighbours.moor.house.tenant
    for name in tables(neighbours):
        if is_month(name):
            continue
        table = sql.Identifier(name)
        with connected(neighbours, APP) as connection:
            enter(connection, fen)
            gone = connection.execute(sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(table), (moor,))
            assert gone.rowcount == 0, name
            taken = sql.SQL("UPDATE {} SET tenant_id = %s WHERE tenant_id = %s").format(table)
            assert connection.execute(taken, (fen, moor)).rowcount == 0, name
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(taken, (moor, fen))
