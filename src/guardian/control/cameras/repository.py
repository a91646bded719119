"""Cameras of a tenant."""

from collections.abc import Sequence
from typing import Any

from guardian.control.database.engine import Row, Select, TenantScope
from guardian.control.database.tables import cameras, edges, nodes


class CameraRepository:
    """As their edge's node reported them."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    def _present(self) -> Select:
        edge = (edges.c.tenant_id == cameras.c.tenant_id) & (edges.c.id == cameras.c.edge_id)
        node = (nodes.c.tenant_id == edges.c.tenant_id) & (nodes.c.id == edges.c.node_id)
        beside = (edges.c.name.label("edge_name"), edges.c.online, nodes.c.last_seen.label("node_seen"))
        query = self._scope.select(cameras, *cameras.c, *beside).join(edges, edge).join(nodes, node)
        return query.where(cameras.c.present, nodes.c.revoked_at.is_(None))

    async def all(self) -> Sequence[Row]:
        """Cameras that their edge has now."""
        query = self._present().order_by(cameras.c.name, cameras.c.edge_id, cameras.c.id)
        return await self._scope.rows(query)

    async def get(self, edge_id: str, camera_id: str) -> Row | None:
        """One of them."""
        query = self._present().where(cameras.c.edge_id == edge_id, cameras.c.id == camera_id)
        return await self._scope.row(query)

    async def report(self, values: dict[str, Any]) -> None:
        """Insert or update."""
        statement = self._scope.insert(cameras).values(values)
        update = {name: statement.excluded[name] for name in values if name not in ("id", "edge_id")}
        upsert = statement.on_conflict_do_update(index_elements=["tenant_id", "edge_id", "id"], set_=update)
        await self._scope.run(upsert)

    async def gone(self, edge_id: str, present: Sequence[str]) -> None:
        """Cameras the edge no longer has."""
        missing = (cameras.c.edge_id == edge_id) & cameras.c.id.not_in(present)
        await self._scope.run(self._scope.update(cameras).where(missing).values(present=False))
