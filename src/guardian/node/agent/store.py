"""`agent/agent.db`: up to which of the gateway's events the control plane has summaries."""

from pathlib import Path

import sqlalchemy as sa

from guardian.common.database import Sole, migrate_sqlite, open_sqlite
from guardian.common.errors import StoreError
from guardian.common.files import private_folder

MIGRATIONS = "guardian.node.agent:migrations"
CURSOR = "summaries"


class AgentStore:
    """One row."""

    def __init__(self, state_dir: Path) -> None:
        private_folder(state_dir / "agent", mode=0o750)
        engine = open_sqlite(state_dir / "agent" / "agent.db")
        migrate_sqlite(engine, MIGRATIONS)
        # Used from one task, but written by worker threads.
        self._sole = Sole(engine)

    def close(self) -> None:
        """Let go of the file."""
        self._sole.close()

    def cursor(self) -> int:
        """The position acknowledged last; 0 at the beginning."""
        try:
            with self._sole.begin() as connection:
                query = "SELECT position FROM cursor WHERE name = ?"
                return connection.exec_driver_sql(query, (CURSOR,)).scalar_one_or_none() or 0
        except sa.exc.DBAPIError as error:
            raise _unusable(error) from error

    def advance(self, position: int) -> None:
        """Durable when this returns."""
        try:
            with self._sole.begin() as connection:
                connection.exec_driver_sql(
                    "INSERT INTO cursor (name, position) VALUES (?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET position = excluded.position",
                    (CURSOR, position),
                )
        except sa.exc.DBAPIError as error:
            raise _unusable(error) from error


def _unusable(error: sa.exc.DBAPIError) -> StoreError:
    return StoreError(
        f"The agent's store cannot be used: {error.orig}.",
        reason="store_unusable",
        hint="Look at the free space and the health of the disk.",
    )
