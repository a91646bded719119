"""Nodes: tokens for strangers, registration, news."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from guardian.common.clock import now
from guardian.common.ids import random_id
from guardian.common.tokens import Token, secret_hash
from guardian.control.accounts.subject import Subject
from guardian.control.database.engine import Database
from guardian.control.errors import Forbidden, NotFound
from guardian.control.nodes.repository import NodeRepository, TokenRepository
from guardian.control.nodes.schemas import Node
from guardian.control.tenants.repository import TenantRepository

# A node reports every few seconds; after this long its news, and its edges', are old.
FRESH = timedelta(seconds=45)


def is_fresh(last_seen: datetime | None) -> bool:
    """Whether a report is recent enough to be believed."""
    return last_seen is not None and now() - last_seen < FRESH


@dataclass(frozen=True)
class Registered:
    """A node that has just spent its token."""

    tenant_id: str
    node_id: str


class NodeService:
    """A tenant's nodes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, subject: Subject) -> list[Node]:
        """All nodes of the tenant."""
        async with self._database.tenant(subject.tenant_id) as scope:
            rows = await NodeRepository(scope).all()
        return [
            Node(
                id=row.id,
                name=row.name,
                online=is_fresh(row.last_seen),
                last_seen=row.last_seen,
                relay_url=row.relay_url,
                software_version=row.software_version,
            )
            for row in rows
        ]

    async def create_token(self, tenant_id: str, name: str, *, address: str, pin: str, life: timedelta) -> Token:
        """A one-time token for a node of this tenant; only its hash is kept."""
        token, moment = Token.create(address, pin), now()
        async with self._database.tenant(tenant_id) as scope:
            if await TenantRepository(scope).name() is None:
                raise NotFound("There is no such tenant.", reason="tenant_unknown")
            await NodeRepository(scope).add_token(secret_hash(token.secret), name, moment, moment + life)
        return token

    async def enrol(
        self, secret: str, software_version: str, tls_public: bytes, issue: Callable[[Registered], None]
    ) -> Registered:
        """Spend a token and register the node, in one transaction with `issue`, which makes its certificate.

        A node that spent this token and comes again with the same key, its answer lost, is told who it is.
        """
        hashed, moment = secret_hash(secret), now()
        async with self._database.people(secret_hash=hashed) as lookup:
            token = await TokenRepository(lookup).find(hashed)
        if token is None:
            raise Forbidden("This token is not known here.", reason="token_unknown")
        if token.spent_at is None and token.expires_at <= moment:
            raise Forbidden("This token is no longer valid. Ask for a new one.", reason="token_expired")
        registered = Registered(token.tenant_id, random_id().hex())
        async with self._database.tenant(registered.tenant_id) as scope:
            repository = NodeRepository(scope)
            if not await repository.spend_token(hashed, moment, registered.node_id, tls_public):
                known = await repository.spent_by(hashed, moment, tls_public)
                if known is None:
                    raise Forbidden("This token was used before. Ask for a new one.", reason="token_spent")
                registered = Registered(token.tenant_id, known)
                issue(registered)
                return registered
            await repository.add(registered.node_id, token.name, software_version, moment)
            issue(registered)
            await scope.notify("cameras")
        return registered

    async def check(self, tenant_id: str, node_id: str) -> None:
        """403 `node_revoked` unless the node may speak."""
        async with self._database.tenant(tenant_id) as scope:
            if await NodeRepository(scope).get(node_id) is None:
                raise Forbidden("This node was revoked, or is not known here.", reason="node_revoked")

    async def revoke(self, tenant_id: str, node_id: str) -> None:
        """Refuse a node from now on; 404 when there is none."""
        async with self._database.tenant(tenant_id) as scope:
            if not await NodeRepository(scope).revoke(node_id, now()):
                raise NotFound("There is no such node.", reason="node_unknown")
            await scope.notify("cameras")
            await scope.notify("commands")
