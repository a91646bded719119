"""Nodes and their enrolment tokens."""

from collections.abc import Sequence
from datetime import datetime

from guardian.control.database.engine import OpenScope, Row, TenantScope
from guardian.control.database.tables import node_tokens, nodes


class NodeRepository:
    """A tenant's nodes."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    async def all(self) -> Sequence[Row]:
        """Nodes that were not revoked, oldest first."""
        query = self._scope.select(nodes).where(nodes.c.revoked_at.is_(None)).order_by(nodes.c.created_at)
        return await self._scope.rows(query)

    async def get(self, node_id: str) -> Row | None:
        """A node that was not revoked."""
        query = self._scope.select(nodes).where(nodes.c.id == node_id, nodes.c.revoked_at.is_(None))
        return await self._scope.row(query)

    async def add(self, node_id: str, name: str, software_version: str, moment: datetime) -> None:
        """Register."""
        values = {"id": node_id, "name": name, "created_at": moment, "relay_url": ""}
        statement = self._scope.insert(nodes).values(**values, software_version=software_version)
        await self._scope.run(statement)

    async def report(self, node_id: str, *, seen: datetime, relay_url: str, software_version: str) -> None:
        """Note a node's news."""
        values = {"last_seen": seen, "relay_url": relay_url, "software_version": software_version}
        await self._scope.run(self._scope.update(nodes).where(nodes.c.id == node_id).values(values))

    async def acknowledged(self, node_id: str) -> int | None:
        """Up to which of a node's positions its summaries are here; None before it was ever counted."""
        row = await self._scope.row(self._scope.select(nodes).where(nodes.c.id == node_id))
        found: int | None = row.acknowledged if row is not None else None
        return found

    async def acknowledge(self, node_id: str, position: int) -> None:
        """Note it; it may fall, for a node that was restored from a backup counts from there again."""
        await self._scope.run(self._scope.update(nodes).where(nodes.c.id == node_id).values(acknowledged=position))

    async def revoke(self, node_id: str, moment: datetime) -> bool:
        """True when there was such a node, not revoked before."""
        mine = (nodes.c.id == node_id) & nodes.c.revoked_at.is_(None)
        statement = self._scope.update(nodes).where(mine).values(revoked_at=moment)
        return await self._scope.run(statement) == 1

    async def add_token(self, secret_hash: bytes, name: str, moment: datetime, expires: datetime) -> None:
        """A token that may be spent once."""
        values = {"secret_hash": secret_hash, "name": name, "created_at": moment, "expires_at": expires}
        await self._scope.run(self._scope.insert(node_tokens).values(values))

    async def spend_token(self, secret_hash: bytes, moment: datetime, node_id: str, tls_public: bytes) -> bool:
        """True for the one who spends it, of whom it is written down."""
        good = (node_tokens.c.secret_hash == secret_hash) & node_tokens.c.spent_at.is_(None)
        statement = self._scope.update(node_tokens).where(good, node_tokens.c.expires_at > moment)
        values = {"spent_at": moment, "node_id": node_id, "tls_public": tls_public}
        return await self._scope.run(statement.values(values)) == 1

    async def spent_by(self, secret_hash: bytes, moment: datetime, tls_public: bytes) -> str | None:
        """The node that spent a token for this key, while the token is valid and the node was not revoked."""
        query = self._scope.select(node_tokens).where(
            node_tokens.c.secret_hash == secret_hash,
            node_tokens.c.tls_public == tls_public,
            node_tokens.c.expires_at > moment,
        )
        token = await self._scope.row(query)
        if token is None or token.node_id is None or await self.get(token.node_id) is None:
            return None
        return str(token.node_id)


class TokenRepository:
    """Tokens before their tenant is known: only the one whose hash the transaction was opened for is seen."""

    def __init__(self, scope: OpenScope) -> None:
        self._scope = scope

    async def find(self, secret_hash: bytes) -> Row | None:
        """The token's row."""
        query = self._scope.select(node_tokens).where(node_tokens.c.secret_hash == secret_hash)
        return await self._scope.row(query)
