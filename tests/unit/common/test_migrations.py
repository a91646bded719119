"""Every SQLite store of every tier goes up, down to nothing, and up again; a new store is found by its folder."""

from pathlib import Path

import pytest
import sqlalchemy as sa

import guardian
from guardian.common.database import migrate_sqlite, open_sqlite

ROOT = Path(guardian.__path__[0])
# The control plane's is PostgreSQL's, and has its own test.
STORES = sorted(
    str(path.parent.parent.relative_to(ROOT)).replace("/", ".")
    for path in ROOT.rglob("migrations/env.py")
    if path.relative_to(ROOT).parts[0] != "control"
)


def schema(engine: sa.Engine) -> dict[str, str]:
    """Tables and indexes as SQLite keeps them, without Alembic's own."""
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'"
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.exec_driver_sql(query) if not row[0].startswith("sqlite_")}


def test_the_stores_are_those_we_know() -> None:
    assert STORES == ["edge.camera", "edge.events", "edge.uplink", "node.agent", "node.gateway"]


@pytest.mark.parametrize("store", STORES)
def test_a_store_goes_up_down_and_up_again(store: str, tmp_path: Path) -> None:
    engine, package = open_sqlite(tmp_path / "a.db"), f"guardian.{store}:migrations"
    migrate_sqlite(engine, package)
    made = schema(engine)
    assert made
    migrate_sqlite(engine, package, "base")
    assert schema(engine) == {}
    migrate_sqlite(engine, package)
    assert schema(engine) == made
    engine.dispose()
