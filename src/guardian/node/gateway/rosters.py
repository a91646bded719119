"""The household's roster as the node keeps it: checked whole, never shorter, never another."""

import asyncio
from collections.abc import Sequence

import sqlalchemy as sa

from guardian.node.gateway.bell import Bell
from guardian.node.gateway.edges import Edges
from guardian.node.gateway.store import Store
from guardian.vault.errors import VaultError
from guardian.vault.roster import Roster, RosterEntry


class Rosters:
    """Holds the one chain; `bell` rings when it grew."""

    def __init__(self, store: Store, edges: Edges) -> None:
        self._store = store
        self._edges = edges
        self._lock = asyncio.Lock()
        self.current: Roster | None = None
        self.bell = Bell()

    async def load(self) -> None:
        """Read and check the stored chain; VaultError when the store was tampered with."""

        def work(connection: sa.Connection) -> list[RosterEntry]:
            query = "SELECT payload, signature FROM roster ORDER BY seq"
            return [RosterEntry(*row) for row in connection.exec_driver_sql(query)]

        entries = await self._store.read(work)
        self.current = await asyncio.to_thread(Roster.verify, entries) if entries else None

    @property
    def entries(self) -> tuple[RosterEntry, ...]:
        """The chain; empty before the owner made a vault."""
        return self.current.entries if self.current else ()

    async def append(self, first: int, entries: Sequence[RosterEntry]) -> int:
        """Take entries that begin at index `first`; the chain's length after; VaultError (`fork`, …) otherwise."""
        async with self._lock:
            have = self.entries
            if first > len(have):
                raise VaultError("roster_order", "entries are missing before these")
            shared = have[first : first + len(entries)]
            if tuple(entries[: len(shared)]) != shared:
                raise VaultError("fork")
            added = list(entries[len(shared) :])
            if not added:
                return len(have)
            if self.current is None:
                grown = await asyncio.to_thread(Roster.verify, added)
            else:
                grown = await asyncio.to_thread(self.current.extend, added)
            # A member's word is checked: whom it lets go does not wait for the disk.
            self._edges.let_go(grown.state.revoked)
            start = len(have)

            def work(connection: sa.Connection) -> None:
                rows = [(start + count, entry.payload, entry.signature) for count, entry in enumerate(added)]
                connection.exec_driver_sql("INSERT INTO roster (seq, payload, signature) VALUES (?, ?, ?)", rows)

            await self._store.writer.run(work)
            self.current = grown
            self.bell.ring()
            return len(grown)
