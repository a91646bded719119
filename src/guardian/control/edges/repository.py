"""Edges of a tenant."""

from collections.abc import Sequence
from typing import Any

from guardian.control.database.engine import Row, TenantScope
from guardian.control.database.tables import edges, nodes


class EdgeRepository:
    """As their node reported them."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    async def all(self) -> Sequence[Row]:
        """Edges of nodes that were not revoked, with `node_seen`: when their node last reported."""
        query = (
            self._scope.select(edges, *edges.c, nodes.c.last_seen.label("node_seen"))
            .join(nodes, (nodes.c.tenant_id == edges.c.tenant_id) & (nodes.c.id == edges.c.node_id))
            .where(nodes.c.revoked_at.is_(None))
            .order_by(edges.c.name, edges.c.id)
        )
        return await self._scope.rows(query)

    async def node_of(self, edge_id: str) -> str | None:
        """The node an edge is enrolled with; None when there is no such edge."""
        query = self._scope.select(edges, edges.c.node_id).where(edges.c.id == edge_id)
        node_id: str | None = await self._scope.value(query)
        return node_id

    async def owners(self) -> dict[str, str]:
        """Edge id to node id."""
        rows = await self._scope.rows(self._scope.select(edges, edges.c.id, edges.c.node_id))
        return {row.id: row.node_id for row in rows}

    async def report(self, values: dict[str, Any]) -> None:
        """Insert or update; an edge stays with the node it first came from."""
        statement = self._scope.insert(edges).values(values)
        update = {name: statement.excluded[name] for name in values if name not in ("id", "node_id")}
        mine = edges.c.node_id == statement.excluded.node_id
        upsert = statement.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=update, where=mine)
        await self._scope.run(upsert)

    async def gone(self, node_id: str, present: Sequence[str]) -> None:
        """Edges the node no longer speaks of are offline."""
        statement = self._scope.update(edges).where(edges.c.node_id == node_id, edges.c.id.not_in(present))
        await self._scope.run(statement.values(online=False))
