"""The analyzer's outbox, read-only: `analyzer/events.db`, table `outbox`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from guardian.common.database import open_sqlite
from guardian.common.errors import StoreError

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One signed revision of an event."""

    position: int
    event: bytes
    signature: bytes


class Outbox:
    """Empty until the analyzer has made its store."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "analyzer" / "events.db"
        self._engine = open_sqlite(self._path, read_only=True)

    def after(self, position: int, limit: int) -> list[Row]:
        """Rows that follow a position, in order."""
        query = "SELECT position, event, signature FROM outbox WHERE position > ? ORDER BY position LIMIT ?"
        return self._read(lambda c: [Row(*row) for row in c.exec_driver_sql(query, (position, limit))], [])

    def newest(self) -> int:
        """The position given last, even if its row is gone; -1 while the analyzer has made no store."""
        query = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'outbox'"
        return self._read(lambda c: int(c.exec_driver_sql(query).scalar_one()), -1)

    def waiting(self, position: int) -> int:
        """How many rows follow a position."""
        query = "SELECT count(*) FROM outbox WHERE position > ?"
        return self._read(lambda c: int(c.exec_driver_sql(query, (position,)).scalar_one()), 0)

    def _read(self, work: Callable[[sa.Connection], T], nothing: T) -> T:
        if not self._path.exists():
            return nothing
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except sa.exc.OperationalError as error:
            if "no such table" in str(error.orig):
                return nothing
            raise _unreadable(error) from error
        except sa.exc.DBAPIError as error:
            raise _unreadable(error) from error


def _unreadable(error: sa.exc.DBAPIError) -> StoreError:
    return StoreError(
        f"The outbox of the analyzer cannot be read: {error.orig}.",
        reason="outbox_unreadable",
        hint="Is guardian-analyzer of the same release, and may the uplink read its folder?",
    )
