"""Commands of a tenant, and what edges answered."""

from collections.abc import Sequence
from datetime import datetime

from guardian.control.database.engine import Row, TenantScope
from guardian.control.database.tables import commands


class CommandRepository:
    """One row a command."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    async def add(self, values: dict[str, object]) -> bool:
        """False when a command of this id is there already."""
        statement = self._scope.insert(commands).values(values).on_conflict_do_nothing()
        return await self._scope.run(statement) == 1

    async def get(self, command_id: str) -> Row | None:
        """One command."""
        query = self._scope.select(commands).where(commands.c.id == command_id)
        return await self._scope.row(query)

    async def waiting(self, node_id: str, since: datetime, limit: int) -> Sequence[Row]:
        """Unanswered ones of a node's edges, oldest first."""
        query = self._scope.select(commands).where(
            commands.c.node_id == node_id, commands.c.answered_at.is_(None), commands.c.created_at > since
        )
        query = query.order_by(commands.c.created_at, commands.c.id).limit(limit)
        return await self._scope.rows(query)

    async def answer(
        self, command_id: str, node_id: str, *, accepted: bool, reason: str, sentence: str, moment: datetime
    ) -> bool:
        """Note the edge's answer, the first time; False when this node has no such command."""
        mine = (commands.c.id == command_id) & (commands.c.node_id == node_id)
        statement = self._scope.update(commands).where(mine, commands.c.answered_at.is_(None))
        values = {"accepted": accepted, "reason": reason, "sentence": sentence, "answered_at": moment}
        if await self._scope.run(statement.values(values)) == 1:
            return True
        row = await self.get(command_id)
        return row is not None and row.node_id == node_id
