"""Orders of an operator to a tenant's nodes."""

from collections.abc import Sequence
from datetime import datetime

from guardian.control.database.engine import Row, TenantScope
from guardian.control.database.tables import node_orders


class OrderRepository:
    """One row an order."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    async def add(self, order_id: str, node_id: str, content: bytes, moment: datetime, expires: datetime) -> None:
        """A new one."""
        values = {"id": order_id, "node_id": node_id, "content": content, "created_at": moment, "expires_at": expires}
        await self._scope.run(self._scope.insert(node_orders).values(values))

    async def waiting(self, node_id: str, moment: datetime, limit: int) -> Sequence[Row]:
        """Those a node has not answered and that still count, oldest first."""
        query = self._scope.select(node_orders).where(
            node_orders.c.node_id == node_id, node_orders.c.answered_at.is_(None), node_orders.c.expires_at > moment
        )
        return await self._scope.rows(query.order_by(node_orders.c.created_at, node_orders.c.id).limit(limit))

    async def answer(self, order_id: str, node_id: str, result: bytes, moment: datetime) -> bool:
        """Note the node's answer, the first time; False when this node has no such order."""
        mine = (node_orders.c.id == order_id) & (node_orders.c.node_id == node_id)
        statement = self._scope.update(node_orders).where(mine, node_orders.c.answered_at.is_(None))
        if await self._scope.run(statement.values(result=result, answered_at=moment)) == 1:
            return True
        return await self._scope.row(self._scope.select(node_orders).where(mine)) is not None

    async def result(self, order_id: str) -> bytes | None:
        """The answer, once there is one."""
        found: bytes | None = await self._scope.value(
            self._scope.select(node_orders, node_orders.c.result).where(node_orders.c.id == order_id)
        )
        return found
