"""Rows of people, and of their sessions before the tenant is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from guardian.control.database.engine import OpenScope, Row, TenantScope
from guardian.control.database.tables import (
    credentials,
    identities,
    login_attempts,
    memberships,
    sessions,
    tenants,
    users,
)


@dataclass(frozen=True)
class Account:
    """A user as a login finds them."""

    user_id: str
    password_hash: str | None


@dataclass(frozen=True)
class SessionRow:
    """A live session."""

    token_hash: bytes
    tenant_id: str
    user_id: str
    seen_at: datetime
    expires_at: datetime


class AccountRepository:
    """Users, identities, credentials, attempts, memberships, sessions."""

    def __init__(self, scope: OpenScope) -> None:
        self._scope = scope

    async def find(self, issuer: str, subject: str) -> Account | None:
        """Who an issuer's subject is here."""
        query = (
            self._scope.select(identities, identities.c.user_id, credentials.c.password_hash)
            .outerjoin(credentials, credentials.c.user_id == identities.c.user_id)
            .where(identities.c.issuer == issuer, identities.c.subject == subject)
        )
        row = await self._scope.row(query)
        return None if row is None else Account(row.user_id, row.password_hash)

    async def create(self, user_id: str, email: str, name: str, moment: datetime) -> None:
        """A new user; IntegrityError when the address is taken."""
        values = {"id": user_id, "email": email, "name": name, "created_at": moment}
        await self._scope.run(self._scope.insert(users).values(values))

    async def email_taken(self, email: str) -> bool:
        """Whether a user has this address."""
        query = self._scope.select(users, users.c.id).where(users.c.email == email)
        return await self._scope.row(query) is not None

    async def add_identity(self, issuer: str, subject: str, user_id: str) -> None:
        """Let an issuer's subject in as this user."""
        values = {"issuer": issuer, "subject": subject, "user_id": user_id}
        await self._scope.run(self._scope.insert(identities).values(values))

    async def set_password(self, user_id: str, password_hash: str, moment: datetime) -> None:
        """Set or replace."""
        values = {"password_hash": password_hash, "changed_at": moment}
        statement = self._scope.insert(credentials).values(user_id=user_id, **values)
        await self._scope.run(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))

    async def memberships(self, user_id: str) -> Sequence[Row]:
        """(tenant_id, role) of a user; needs a transaction opened for that user."""
        query = self._scope.select(memberships, memberships.c.tenant_id, memberships.c.role).where(
            memberships.c.user_id == user_id
        )
        return await self._scope.rows(query.order_by(memberships.c.tenant_id))

    async def count_attempt(self, key: bytes, moment: datetime, window: timedelta) -> int:
        """Note one more attempt under a key, before it is tried; how many it has in its window."""
        stale = login_attempts.c.since < moment - window
        statement = self._scope.insert(login_attempts).values(key=key, failures=1, since=moment)
        upsert = statement.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "failures": sa.case((stale, 1), else_=login_attempts.c.failures + 1),
                "since": sa.case((stale, moment), else_=login_attempts.c.since),
            },
        ).returning(login_attempts.c.failures)
        return int(await self._scope.value(upsert))

    async def forgive_attempt(self, keys: Sequence[bytes], before: datetime) -> None:
        """A good login does not count under any of its keys, and whatever is long past is forgotten."""
        # The address's before the account's, as they are counted: two logins must not wait for each other's rows.
        for key in reversed(keys):
            statement = self._scope.update(login_attempts).where(login_attempts.c.key == key)
            await self._scope.run(statement.values(failures=login_attempts.c.failures - 1))
        await self._scope.run(self._scope.delete(login_attempts).where(login_attempts.c.since < before))

    async def add_session(self, row: SessionRow) -> None:
        """A new session; needs a transaction opened for its hash."""
        values = {
            "token_hash": row.token_hash,
            "tenant_id": row.tenant_id,
            "user_id": row.user_id,
            "created_at": row.seen_at,
            "seen_at": row.seen_at,
            "expires_at": row.expires_at,
        }
        await self._scope.run(self._scope.insert(sessions).values(values))

    async def session(self, token_hash: bytes) -> SessionRow | None:
        """A session by its hash."""
        query = self._scope.select(sessions).where(sessions.c.token_hash == token_hash)
        row = await self._scope.row(query)
        if row is None:
            return None
        return SessionRow(row.token_hash, row.tenant_id, row.user_id, row.seen_at, row.expires_at)

    async def touch_session(self, token_hash: bytes, moment: datetime) -> None:
        """Note that it was used."""
        statement = self._scope.update(sessions).where(sessions.c.token_hash == token_hash).values(seen_at=moment)
        await self._scope.run(statement)

    async def end_session(self, token_hash: bytes) -> None:
        """Log out."""
        await self._scope.run(self._scope.delete(sessions).where(sessions.c.token_hash == token_hash))


class MemberRepository:
    """People of one tenant, read inside its transaction."""

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope

    async def add(self, user_id: str, role: str) -> None:
        """Make a user a member of the tenant."""
        await self._scope.run(self._scope.insert(memberships).values(user_id=user_id, role=role))

    async def who(self, user_id: str) -> Row | None:
        """(email, name, tenant_name, role) of a member; None when they are none."""
        query = (
            self._scope.select(
                memberships, users.c.email, users.c.name, tenants.c.name.label("tenant_name"), memberships.c.role
            )
            .join(users, users.c.id == memberships.c.user_id)
            .join(tenants, tenants.c.tenant_id == memberships.c.tenant_id)
            .where(memberships.c.user_id == user_id)
        )
        return await self._scope.row(query)

    async def forget_expired_sessions(self, moment: datetime) -> None:
        """Sessions of the tenant that nobody can use any more."""
        await self._scope.run(self._scope.delete(sessions).where(sessions.c.expires_at < moment))
