"""Slots and roster entries of a tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from guardian.control.database.engine import TenantScope
from guardian.control.database.tables import roster_entries, vault_slots
from guardian.vault.roster import RosterEntry


class SlotRepository:
    """Key slots as they were published."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    async def all(self) -> list[dict[str, Any]]:
        """Oldest first."""
        query = self._scope.select(vault_slots, vault_slots.c.slot).order_by(vault_slots.c.changed_at, vault_slots.c.id)
        return list(await self._scope.values(query))

    async def put(self, slot_id: str, slot: dict[str, Any], moment: datetime) -> None:
        """Insert or replace by id."""
        values = {"slot": slot, "changed_at": moment}
        statement = self._scope.insert(vault_slots).values(id=slot_id, **values)
        upsert = statement.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=values)
        await self._scope.run(upsert)

    async def delete(self, slot_id: str) -> bool:
        """True when it was there."""
        statement = self._scope.delete(vault_slots).where(vault_slots.c.id == slot_id)
        return await self._scope.run(statement) == 1


class RosterRepository:
    """The chain, one row a link."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    async def entries(self, first: int = 0, limit: int | None = None) -> Sequence[RosterEntry]:
        """Links from an index on."""
        query = self._scope.select(roster_entries, roster_entries.c.payload, roster_entries.c.signature)
        query = query.where(roster_entries.c.seq >= first).order_by(roster_entries.c.seq).limit(limit)
        rows = await self._scope.rows(query)
        return [RosterEntry(bytes(row.payload), bytes(row.signature)) for row in rows]

    async def append(self, first: int, entries: Sequence[RosterEntry], moment: datetime) -> None:
        """Add links; their sequence numbers are unique."""
        rows = [
            {
                "tenant_id": self._scope.tenant_id,
                "seq": first + index,
                "payload": entry.payload,
                "signature": entry.signature,
                "created_at": moment,
            }
            for index, entry in enumerate(entries)
        ]
        await self._scope.run(self._scope.insert(roster_entries), rows)
