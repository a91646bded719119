"""`guardian edge token|list|revoke --tenant …` on the control plane: asked of the tenant's node, which does it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from guardian.common import config
from guardian.common.errors import GuardianError
from guardian.control.config import Settings
from guardian.control.database.engine import Database
from guardian.control.edges.repository import EdgeRepository
from guardian.control.nodes.repository import NodeRepository
from guardian.control.orders.service import OrderService
from guardian.control.schemas import check_id

T = TypeVar("T")


def token(path: Path, tenant: str, node: str, name: str, valid_seconds: int) -> tuple[str, str]:
    """A token made by the node, and when it ends."""

    async def ask(database: Database) -> tuple[str, str]:
        node_id = await _node(database, tenant, node)
        return await OrderService(database).create_edge_token(tenant, node_id, name, valid_seconds)

    return _with_database(path, tenant, ask)


def revoke(path: Path, tenant: str, node: str, edge: str) -> tuple[str, str]:
    """Id and name of the edge that was let go."""

    async def ask(database: Database) -> tuple[str, str]:
        return await OrderService(database).revoke_edge(tenant, await _node(database, tenant, node), edge)

    return _with_database(path, tenant, ask)


def listed(path: Path, tenant: str, node: str) -> list[dict[str, object]]:
    """The tenant's edges as their nodes reported them last: no node need answer for that."""

    async def ask(database: Database) -> list[dict[str, object]]:
        async with database.tenant(tenant) as scope:
            rows = await EdgeRepository(scope).all()
        return [
            {
                "id": row.id,
                "name": row.name,
                "node": row.node_id,
                "online": row.online,
                "last_seen": row.last_seen.isoformat() if row.last_seen else None,
                "software_version": row.software_version,
            }
            for row in rows
            if node in ("", row.node_id)
        ]

    return _with_database(path, tenant, ask)


async def _node(database: Database, tenant: str, node: str) -> str:
    """The one named, or the tenant's only one."""
    if node:
        return check_id(node)
    async with database.tenant(tenant) as scope:
        found = await NodeRepository(scope).all()
    if len(found) != 1:
        names = ", ".join(f"{row.id} ({row.name})" for row in found)
        raise GuardianError(
            "This tenant has several nodes." if found else "This tenant has no node.",
            reason="node_ambiguous" if found else "node_unknown",
            hint=f"Say --node with one of {names}."
            if found
            else "`guardian control node-token` makes a token for one.",
        )
    return str(found[0].id)


def _with_database(path: Path, tenant: str, work: Callable[[Database], Awaitable[T]]) -> T:
    settings = config.load(Settings, path)
    check_id(tenant)

    async def run() -> T:
        database = Database(settings.database.dsn)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
