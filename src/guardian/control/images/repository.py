"""Seeds of a tenant's that wait to be downloaded."""

from collections.abc import Sequence
from datetime import datetime

from guardian.control.database.engine import OpenScope, Row, TenantScope
from guardian.control.database.tables import image_seeds


class ImageRepository:
    """One row a seed; what has expired is not shown, and soon gone."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    async def add(self, values: dict[str, object]) -> None:
        """A new one."""
        await self._scope.run(self._scope.insert(image_seeds).values(values))

    async def all(self, moment: datetime) -> Sequence[Row]:
        """Newest first."""
        query = self._scope.select(image_seeds).where(image_seeds.c.expires_at > moment)
        return await self._scope.rows(query.order_by(image_seeds.c.created_at.desc(), image_seeds.c.id))

    async def get(self, seed_id: str, moment: datetime) -> Row | None:
        """One of them."""
        query = self._scope.select(image_seeds).where(image_seeds.c.id == seed_id, image_seeds.c.expires_at > moment)
        return await self._scope.row(query)

    async def remove(self, seed_id: str) -> bool:
        """True when there was one."""
        return await self._scope.run(self._scope.delete(image_seeds).where(image_seeds.c.id == seed_id)) == 1


class ExpiredSeeds:
    """All tenants' seeds that have expired: row security lets them be deleted by anyone, and seen by nobody else."""

    def __init__(self, scope: OpenScope) -> None:
        self._scope = scope

    async def remove(self) -> int:
        """How many went."""
        # No condition: it would need rows to be seen. Outside tenants only the expired ones are there to be deleted.
        return await self._scope.run(self._scope.delete(image_seeds))
