"""Tenants, as an operator makes and lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from guardian.common.clock import now
from guardian.common.ids import random_id
from guardian.control.accounts.repository import MemberRepository
from guardian.control.accounts.service import AccountService
from guardian.control.database.engine import Database
from guardian.control.tenants.repository import OperatorRepository, TenantRepository


@dataclass(frozen=True)
class TenantInfo:
    """A tenant in an operator's list."""

    id: str
    name: str
    created_at: datetime


class TenantService:
    """Made on the command line today, by signing up later."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, accounts: AccountService, name: str, email: str, password: str, person: str) -> str:
        """A tenant and its owner; the tenant's id. 409 `email_taken`."""
        user_id = await accounts.register(email, person, password)
        tenant_id = random_id().hex()
        async with self._database.tenant(tenant_id) as scope:
            await TenantRepository(scope).create(name, now())
            await MemberRepository(scope).add(user_id, "owner")
        return tenant_id

    async def list_all(self) -> Sequence[TenantInfo]:
        """All tenants; none unless the connection is the owner's."""
        async with self._database.people() as scope:
            return [
                TenantInfo(row.tenant_id, row.name, row.created_at) for row in await OperatorRepository(scope).all()
            ]
