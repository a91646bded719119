"""Login, sessions, and who is behind a cookie."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError

from guardian.common.clock import now
from guardian.common.ids import random_id
from guardian.control.accounts.passwords import Passwords
from guardian.control.accounts.repository import AccountRepository, MemberRepository, SessionRow
from guardian.control.accounts.schemas import Email, Session, Tenant, User
from guardian.control.accounts.subject import Subject
from guardian.control.config import ApiSection
from guardian.control.database.engine import Database
from guardian.control.errors import Conflict, ControlError, TooMany, Unauthenticated

LOCAL_ISSUER = "guardian:local"
WINDOW = timedelta(minutes=15)
PER_ACCOUNT_AND_ADDRESS = 5
PER_ADDRESS = 50
_EMAIL = TypeAdapter(Email)
_TOUCH = timedelta(minutes=1)


@dataclass(frozen=True)
class LoggedIn:
    """A new session; `token` goes into the cookie and nowhere else."""

    token: str
    subject: Subject
    seconds: int


def normal_email(email: str) -> str:
    """Addresses are compared without case."""
    return email.strip().casefold()


def check_email(email: str) -> str:
    """An address as it is stored; ControlError `email_malformed` when it cannot be one."""
    try:
        return normal_email(_EMAIL.validate_python(email))
    except ValidationError:
        raise ControlError("This is not an e-mail address.", reason="email_malformed") from None


class AccountService:
    """Accounts of the built-in login; identities of other issuers join beside `LOCAL_ISSUER`."""

    def __init__(self, database: Database, passwords: Passwords, settings: ApiSection) -> None:
        self._database = database
        self._passwords = passwords
        self._idle = timedelta(hours=settings.session_idle_hours)
        self._life = timedelta(days=settings.session_days)

    async def log_in(self, email: str, password: str, address: str) -> LoggedIn:
        """A session for the right password; 401 `login_failed` or 429 `login_limited` otherwise."""
        subject = normal_email(email)
        keys = await self._count(subject, address)
        async with self._database.people() as scope:
            account = await AccountRepository(scope).find(LOCAL_ISSUER, subject)
        stored = account.password_hash if account else None
        if not await self._passwords.verify(stored, password) or account is None or stored is None:
            raise Unauthenticated("The address or the password is wrong.", reason="login_failed")
        if self._passwords.outdated(stored):
            await self._rehash(account.user_id, password)
        return await self._open(account.user_id, keys)

    async def subject(self, token: str) -> Subject:
        """Who a cookie's token belongs to; 401 `not_logged_in` when it is no live session's."""
        moment, token_hash = now(), _hash(token)
        async with self._database.people(secret_hash=token_hash) as scope:
            repository = AccountRepository(scope)
            row = await repository.session(token_hash)
            if row is None or row.expires_at <= moment or row.seen_at + self._idle <= moment:
                raise Unauthenticated("Log in first.", reason="not_logged_in")
            if moment - row.seen_at > _TOUCH:
                await repository.touch_session(token_hash, moment)
        async with self._database.tenant(row.tenant_id) as scope:
            who = await MemberRepository(scope).who(row.user_id)
        if who is None:
            raise Unauthenticated("Log in first.", reason="not_logged_in")
        return Subject(row.user_id, row.tenant_id, who.role)

    async def who_am_i(self, subject: Subject) -> Session:
        """The person and the tenant."""
        async with self._database.tenant(subject.tenant_id) as scope:
            who = await MemberRepository(scope).who(subject.user_id)
        if who is None:
            raise Unauthenticated("Log in first.", reason="not_logged_in")
        return Session(
            user=User(id=subject.user_id, email=who.email, name=who.name),
            tenant=Tenant(id=subject.tenant_id, name=who.tenant_name),
        )

    async def log_out(self, token: str) -> None:
        """End a session; harmless when there is none."""
        token_hash = _hash(token)
        async with self._database.people(secret_hash=token_hash) as scope:
            await AccountRepository(scope).end_session(token_hash)

    async def register(self, email: str, name: str, password: str) -> str:
        """A new user with a local password; their id."""
        address, user_id, moment = normal_email(email), random_id().hex(), now()
        password_hash = await self._passwords.hash(password)
        async with self._database.people() as scope:
            repository = AccountRepository(scope)
            if await repository.email_taken(address):
                raise Conflict("This address has an account already.", reason="email_taken")
            await repository.create(user_id, address, name, moment)
            await repository.add_identity(LOCAL_ISSUER, address, user_id)
            await repository.set_password(user_id, password_hash, moment)
        return user_id

    async def _count(self, subject: str, address: str) -> list[bytes]:
        """Attempts count before they are tried, so that many at once gain nothing."""
        keys = [_hash(f"{subject}\0{address}"), _hash(f"\0{address}")]
        async with self._database.people() as scope:
            repository, moment = AccountRepository(scope), now()
            limited = await repository.count_attempt(keys[1], moment, WINDOW) > PER_ADDRESS
            # An address that is shut out gets no more rows, whatever names it tries.
            limited = limited or await repository.count_attempt(keys[0], moment, WINDOW) > PER_ACCOUNT_AND_ADDRESS
        if limited:
            raise TooMany(
                "Too many logins were tried from here. Wait a quarter of an hour.",
                reason="login_limited",
                retry_after=int(WINDOW.total_seconds()),
            )
        return keys

    async def _rehash(self, user_id: str, password: str) -> None:
        password_hash = await self._passwords.hash(password)
        async with self._database.people() as scope:
            await AccountRepository(scope).set_password(user_id, password_hash, now())

    async def _open(self, user_id: str, keys: list[bytes]) -> LoggedIn:
        token, moment = secrets.token_urlsafe(32), now()
        token_hash = _hash(token)
        async with self._database.people(user_id=user_id, secret_hash=token_hash) as scope:
            repository = AccountRepository(scope)
            belongs = await repository.memberships(user_id)
            if not belongs:
                raise Unauthenticated("This account belongs to no household.", reason="no_tenant")
            tenant_id, role = belongs[0].tenant_id, belongs[0].role
            await repository.forgive_attempt(keys, moment - WINDOW)
            await repository.add_session(SessionRow(token_hash, tenant_id, user_id, moment, moment + self._life))
        async with self._database.tenant(tenant_id) as scope:
            await MemberRepository(scope).forget_expired_sessions(moment)
        return LoggedIn(token, Subject(user_id, tenant_id, role), int(self._life.total_seconds()))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
