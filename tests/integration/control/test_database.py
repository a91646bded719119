"""The schema and its walls: made forwards and backwards, and row security tried as the daemons' own role."""

import shutil
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from tests.integration.control.test_isolation import furnish
from tests.integration.control.world import Household, World, running

from guardian.common import schema
from guardian.common.clock import now
from guardian.common.database import alembic_config
from guardian.common.errors import StoreError
from guardian.control import migrations
from guardian.control.config import DatabaseSection, Settings
from guardian.control.database import migrating
from guardian.control.database.engine import Database
from guardian.control.database.migrating import migrate
from guardian.control.database.tables import metadata

# Tables of people: they may be in several tenants.
PEOPLE = {"users", "identities", "credentials", "login_attempts"}
TENANT_TABLES = sorted(set(metadata.tables) - PEOPLE)
HEAD = ScriptDirectory.from_config(alembic_config(migrating.PACKAGE)).get_current_head()
CATALOGUE = """
SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
    EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant') AS policed,
    EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') AS of_tenant
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1
"""


def sync_engine(dsn: str) -> sa.Engine:
    return sa.create_engine(sa.make_url(dsn).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)


def tables(section: DatabaseSection) -> set[str]:
    with sync_engine(section.owner_dsn).connect() as connection:
        return set(sa.inspect(connection).get_table_names())


async def test_migrations_go_up_down_and_up_again(empty_database: DatabaseSection) -> None:
    assert await migrate(empty_database) == HEAD
    first = tables(empty_database)
    assert await migrate(empty_database, "base") == ""
    assert tables(empty_database) == {"alembic_version"}
    assert await migrate(empty_database) == HEAD
    assert tables(empty_database) == first
    assert await migrate(empty_database) == HEAD


def test_the_tables_code_sees_are_the_tables_there_are(database: DatabaseSection) -> None:
    with sync_engine(database.owner_dsn).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
    # Months of events are made as they are needed; indexes and single constraints are the migrations' own.
    kinds = {"add_table", "remove_table", "add_column", "remove_column", "modify_type", "modify_nullable"}
    differences = [item for group in found for item in (group if isinstance(group, list) else [group])]
    others = ("events_", schema.TABLE)
    ours = [item for item in differences if item[0] in kinds and not getattr(item[1], "name", "").startswith(others)]
    assert ours == []


def test_every_table_of_tenants_forces_row_security(database: DatabaseSection) -> None:
    with sync_engine(database.owner_dsn).connect() as connection:
        rows = connection.execute(sa.text(CATALOGUE)).all()
    assert {row.name for row in rows if row.of_tenant} >= set(TENANT_TABLES)
    assert {row.name for row in rows if not row.of_tenant} == PEOPLE | {"alembic_version", schema.TABLE}
    assert [row.name for row in rows if row.of_tenant and not (row.forced and row.policed)] == []
    # Partitions too: row security of the parent does not bind who asks a partition itself.
    assert any(row.name.startswith("events_2") for row in rows)


@pytest.fixture
def app_connection(world: World) -> Iterator[sa.Connection]:
    with sync_engine(world.settings.database.dsn).connect() as connection:
        yield connection


async def test_without_a_tenant_there_are_no_rows_and_with_another_only_theirs(
    home: Household, neighbour: Household, app_connection: sa.Connection
) -> None:
    await furnish(home)
    for tenant_id, expected in (("", False), (neighbour.tenant_id, False), (home.tenant_id, True)):
        app_connection.execute(sa.text("SELECT set_config('app.tenant_id', :t, true)"), {"t": tenant_id})
        for name in TENANT_TABLES:
            query = sa.select(sa.func.count()).select_from(metadata.tables[name])
            mine = query.where(metadata.tables[name].c.tenant_id == home.tenant_id)
            count = app_connection.execute(mine).scalar_one()
            # Quarantine stays empty and the enrolment token is kept with its tenant.
            assert bool(count) is (expected and name != "event_quarantine"), name
            if not tenant_id:
                assert app_connection.execute(query).scalar_one() == 0, name
        app_connection.rollback()


async def test_rows_of_another_tenant_can_be_neither_changed_nor_written(
    home: Household, neighbour: Household, app_connection: sa.Connection
) -> None:
    for household in (home, neighbour):
        await furnish(household)
    me = sa.text("SELECT set_config('app.tenant_id', :t, true)").bindparams(t=neighbour.tenant_id)
    for name in TENANT_TABLES:
        table = metadata.tables[name]
        foreign = table.c.tenant_id == home.tenant_id
        for statement in (sa.delete(table), sa.update(table).values(tenant_id=neighbour.tenant_id)):
            app_connection.execute(me)
            assert app_connection.execute(statement.where(foreign)).rowcount == 0, name
        if name != "event_quarantine":
            moved = sa.update(table).where(table.c.tenant_id == neighbour.tenant_id).values(tenant_id=home.tenant_id)
            with pytest.raises(sa.exc.ProgrammingError, match="row-level security"):
                app_connection.execute(moved)
        app_connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "ALTER TABLE events DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON events",
        "TRUNCATE events",
        "SET ROLE guardian_owner",
        "SELECT * FROM events_{month}",
        "CALL guardian_events_partition('1999-01-01')",
        "CALL guardian_events_partition('2999-01-01')",
    ],
)
def test_the_daemons_role_cannot_lift_the_walls(app_connection: sa.Connection, statement: str) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        app_connection.execute(sa.text(statement.replace("{month}", f"{now():%Y%m}")))
    app_connection.rollback()


async def test_daemons_refuse_to_run_as_the_owner(database: DatabaseSection) -> None:
    owner = Database(database.owner_dsn)
    try:
        with pytest.raises(StoreError) as caught:
            await owner.check_role()
    finally:
        await owner.close()
    assert caught.value.reason == "role_too_strong"
    app = Database(database.dsn)
    try:
        await app.check_role()
    finally:
        await app.close()


async def test_migrating_says_what_is_wrong(database: DatabaseSection) -> None:
    same = database.model_copy(update={"dsn": database.owner_dsn})
    nobody = database.model_copy(update={"dsn": database.dsn.replace("guardian_app@", "guardian_nobody@")})
    away = database.model_copy(update={"owner_dsn": database.owner_dsn.replace("?host=", "?host=/nowhere")})
    for section, reason in ((same, "role_too_strong"), (nobody, "role_missing"), (away, "store_unusable")):
        with pytest.raises(StoreError) as caught:
            await migrate(section)
        assert caught.value.reason == reason


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AbstractContextManager[None]]:
    """Migrations as a later release has them: ours and one more, which says `words` of older code."""

    @contextmanager
    def within(words: str) -> Iterator[None]:
        folder = tmp_path / "migrations"
        shutil.copytree(Path(migrations.__path__[0]), folder, dirs_exist_ok=True)
        before = ScriptDirectory.from_config(alembic_config(migrating.PACKAGE)).get_current_head()
        text = f"""
            revision, down_revision = "9999", {before!r}
            {words}
            from alembic import op
            def upgrade(): op.execute("ALTER TABLE tenants ADD COLUMN note text NOT NULL DEFAULT ''")
            def downgrade(): op.execute("ALTER TABLE tenants DROP COLUMN note")
        """
        (folder / "versions/9999_note.py").write_text(textwrap.dedent(text))
        with monkeypatch.context() as patch:
            patch.setattr(migrating, "PACKAGE", str(folder))
            yield

    return within


async def test_a_database_that_a_newer_release_only_added_to_is_used_as_it_is(
    database: DatabaseSection, settings: Settings, next_release: Callable[[str], AbstractContextManager[None]]
) -> None:
    with next_release('oldest_code = "0001"'):
        assert await migrate(database) == "9999"
    # Back to this release: its own migrations know nothing of 9999, and its daemons find all they need.
    assert await migrate(database) == "9999"
    async with running(settings) as world:
        await world.tenant("after@example.org")
    with next_release('oldest_code = "0001"'):
        assert await migrate(database) == "9999"


async def test_a_database_that_a_newer_release_changed_is_left_alone(
    database: DatabaseSection, next_release: Callable[[str], AbstractContextManager[None]]
) -> None:
    with next_release(""):
        assert await migrate(database) == "9999"
    with pytest.raises(StoreError) as caught:
        await migrate(database)
    assert caught.value.reason == "store_newer"
    assert "note" in {item["name"] for item in sa.inspect(sync_engine(database.owner_dsn)).get_columns("tenants")}
