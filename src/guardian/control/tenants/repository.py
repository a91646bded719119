"""Tenants and their live counters."""

from collections.abc import Sequence
from datetime import datetime

from guardian.control.database.engine import OpenScope, Row, TenantScope
from guardian.control.database.tables import live_counters, tenants


class TenantRepository:
    """The tenant's own row and its counter."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    async def create(self, name: str, moment: datetime) -> None:
        """The row, and the counter of its live updates at 0."""
        await self._scope.run(self._scope.insert(tenants).values(name=name, created_at=moment))
        await self._scope.run(self._scope.insert(live_counters).values(value=0))

    async def name(self) -> str | None:
        """None when there is no such tenant."""
        query = self._scope.select(tenants, tenants.c.name)
        name: str | None = await self._scope.value(query)
        return name

    async def counter(self) -> int:
        """The newest committed number."""
        query = self._scope.select(live_counters, live_counters.c.value)
        return int(await self._scope.value(query) or 0)

    async def take_numbers(self, count: int) -> int:
        """The first of `count` new numbers.

        Its row stays locked until the commit: numbers become visible in their order, which a sequence's do not.
        """
        statement = (
            self._scope.update(live_counters)
            .values(value=live_counters.c.value + count)
            .returning(live_counters.c.value)
        )
        return int(await self._scope.value(statement)) - count + 1


class OperatorRepository:
    """What an operator sees of all tenants; the owner's role alone is shown the rows."""

    def __init__(self, scope: OpenScope) -> None:
        self._scope = scope

    async def all(self) -> Sequence[Row]:
        """(tenant_id, name, created_at), oldest first."""
        query = self._scope.select(tenants, tenants.c.tenant_id, tenants.c.name, tenants.c.created_at)
        return await self._scope.rows(query.order_by(tenants.c.created_at))
