"""A node's store goes back in time, and with it what was let go or spent since: neither may come back unseen."""

import contextlib
import sqlite3
from pathlib import Path

from guardian.cli.backup.contents import acting_as, opened
from guardian.common.clock import now, to_text
from guardian.common.errors import GuardianError
from guardian.common.text import plain

STORE = "gateway/node.db"


def settle(restored: Path, present: Path) -> list[str]:
    """Make a node's opened store fit to go back; the edges that are live in it, as `name (id)`.

    Args:
        restored: the store as the backup has it; it is changed.
        present: the store it replaces, whose revocations stay in force; it may be missing or broken.
    """
    revoked = _revoked(present)
    try:
        with contextlib.closing(sqlite3.connect(restored)) as store, store:
            # One that was spent since would be good once more.
            store.execute("UPDATE tokens SET expires_at = ? WHERE spent_at IS NULL", (to_text(now()),))
            store.executemany("UPDATE edges SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", revoked)
            rows = store.execute("SELECT name, id FROM edges WHERE revoked_at IS NULL ORDER BY name, id").fetchall()
    except sqlite3.Error as error:
        raise GuardianError(
            f"The node's store in this backup cannot be used: {error}.",
            reason="store_unusable",
            hint="Nothing was changed.",
        ) from error
    return [f"{plain(name)} ({plain(edge)})" for name, edge in rows]


def words(live: list[str], made: str) -> str:
    """What the operator has to know and may have to do."""
    if not live:
        return "No edge is live in it. Tokens that were not spent are void."
    return (
        f"Live again: {', '.join(live)}. Was one of them revoked after {made}? Revoke it again, now: "
        "`guardian edge revoke ID`. Tokens that were not spent are void; `guardian edge token` makes new ones."
    )


def _revoked(store: Path) -> list[tuple[str, str]]:
    query = "SELECT revoked_at, id FROM edges WHERE revoked_at IS NOT NULL"
    try:
        with opened(store.parents[1], Path(STORE)) as (_, folder):
            pass
        with (
            acting_as(folder.st_uid, folder.st_gid),
            contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection,
        ):
            return connection.execute(query).fetchall()
    except (GuardianError, sqlite3.Error):
        # It may be why there is a restore at all.
        return []
