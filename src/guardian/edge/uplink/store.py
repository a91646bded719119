"""`uplink/uplink.db`: how far the outbox was acknowledged, what was refused, commands and camera names.

Synchronous and small: one row at a time, each durable before it is told to anyone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from guardian.common.clock import now, to_text
from guardian.common.database import Sole, migrate_sqlite, open_sqlite
from guardian.common.errors import StoreError
from guardian.common.files import private_folder

MIGRATIONS = "guardian.edge.uplink:migrations"
CURSOR = "events"
T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    """What this edge answered to a command."""

    command_id: str
    accepted: bool
    reason: str
    sentence: str


class UplinkStore:
    """The one writer of the file; the analyzer reads the cursor in it."""

    def __init__(self, state_dir: Path) -> None:
        private_folder(state_dir / "uplink", mode=0o750)
        engine = open_sqlite(state_dir / "uplink" / "uplink.db")
        migrate_sqlite(engine, MIGRATIONS)
        # Called from the loop and from worker threads.
        self._sole = Sole(engine)

    def close(self) -> None:
        """Let go of the file."""
        self._sole.close()

    def cursor(self) -> int:
        """Position up to which the node has everything durably."""
        query = "SELECT position FROM cursor WHERE name = ?"
        return self._do(lambda c: c.exec_driver_sql(query, (CURSOR,)).scalar_one_or_none()) or 0

    def acknowledge(self, position: int, refused: Iterable[tuple[int, str, str]]) -> None:
        """Advance the cursor, and keep what was refused for good with the node's reasons."""
        rows = list(refused)

        def work(connection: sa.Connection) -> None:
            if rows:
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO refused (position, reason, sentence) VALUES (?, ?, ?)", rows
                )
            connection.exec_driver_sql(
                "INSERT INTO cursor (name, position) VALUES (?, ?) ON CONFLICT (name) DO UPDATE"
                " SET position = excluded.position WHERE excluded.position > cursor.position",
                (CURSOR, position),
            )

        self._do(work)

    def rewind(self, position: int) -> None:
        """Set the cursor back: what follows is sent again, and a repeat is harmless."""
        self._do(lambda c: c.exec_driver_sql("UPDATE cursor SET position = ? WHERE name = ?", (position, CURSOR)))

    def refused(self) -> list[tuple[int, str, str]]:
        """(position, reason, sentence) of events the node will never take."""
        query = "SELECT position, reason, sentence FROM refused ORDER BY position"
        return self._do(lambda c: [(row[0], row[1], row[2]) for row in c.exec_driver_sql(query)])

    def result(self, command_id: str) -> Result | None:
        """The answer given to a command before; None when it is new."""
        query = "SELECT id, accepted, reason, sentence FROM commands WHERE id = ?"

        def work(connection: sa.Connection) -> Result | None:
            row = connection.exec_driver_sql(query, (command_id,)).one_or_none()
            return Result(row[0], bool(row[1]), row[2], row[3]) if row else None

        return self._do(work)

    def finish(self, result: Result, effect: Callable[[sa.Connection], None] | None = None) -> None:
        """Remember a command as answered and do its effect, both or neither: so it happens once."""

        def work(connection: sa.Connection) -> None:
            connection.exec_driver_sql(
                "INSERT INTO commands (id, accepted, reason, sentence, done_at) VALUES (?, ?, ?, ?, ?)",
                (result.command_id, int(result.accepted), result.reason, result.sentence, to_text(now())),
            )
            if effect is not None:
                effect(connection)

        self._do(work)

    def unreported(self) -> list[Result]:
        """Answers the node has not taken yet."""
        query = "SELECT id, accepted, reason, sentence FROM commands WHERE reported = 0 ORDER BY id"
        return self._do(lambda c: [Result(row[0], bool(row[1]), row[2], row[3]) for row in c.exec_driver_sql(query)])

    def reported(self, command_id: str) -> None:
        """The node has taken the answer."""
        self._do(lambda c: c.exec_driver_sql("UPDATE commands SET reported = 1 WHERE id = ?", (command_id,)))

    def camera_names(self) -> dict[str, str]:
        """Names members gave to cameras, by camera id."""
        query = "SELECT camera, name FROM camera_names"
        return self._do(lambda c: {row[0]: row[1] for row in c.exec_driver_sql(query)})

    def _do(self, work: Callable[[sa.Connection], T]) -> T:
        try:
            with self._sole.begin() as connection:
                return work(connection)
        except sa.exc.DBAPIError as error:
            raise StoreError(
                f"The uplink's store cannot be used: {error.orig}.",
                reason="store_unusable",
                hint="Look at the free space and the health of the disk.",
            ) from error


def name_camera(connection: sa.Connection, camera: str, name: str) -> None:
    """The effect of `rename_camera`."""
    connection.exec_driver_sql(
        "INSERT INTO camera_names (camera, name) VALUES (?, ?) ON CONFLICT (camera) DO UPDATE SET name = excluded.name",
        (camera, name),
    )
