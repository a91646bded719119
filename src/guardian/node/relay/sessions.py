"""Challenges and sessions, in memory only: they die with the relay, which costs a browser one signature."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from guardian.node.relay.problems import Problem
from guardian.node.relay.tickets import Ticket

CHALLENGE_SECONDS = 60.0
SESSION_SECONDS = 600.0
MAX_CHALLENGES = 1_024
MAX_PER_MEMBER = 16
MAX_SESSIONS = 4_096
MAX_NAMES = 5_000
# A spent ticket is remembered until nobody would take it any more.
_SPENT_SECONDS = 120.0
MAX_SPENT = 16_384


class _Expiring(Protocol):
    expires: float


E = TypeVar("E", bound=_Expiring)


@dataclass
class _Challenge:
    value: bytes
    ticket_hash: bytes
    member: str
    expires: float


@dataclass
class _Spent:
    expires: float


@dataclass
class Session:
    """What its holder may ask for. `dead` is set when it ends: answers under way stop."""

    member: str
    user: str
    tenant: str
    expires: float
    names: OrderedDict[str, None] = field(default_factory=OrderedDict)
    dead: bool = False
    reading: int = 0

    def allow(self, ticket: Ticket) -> None:
        """Add what a ticket names; the oldest are forgotten when it is too much."""
        for name in [*ticket.objects, *ticket.events]:
            self.names[name] = None
            self.names.move_to_end(name)
        while len(self.names) > MAX_NAMES:
            self.names.popitem(last=False)


class Sessions:
    """All of them; `clock` gives seconds that only rise."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._challenges: OrderedDict[bytes, _Challenge] = OrderedDict()
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()
        self._spent: OrderedDict[str, _Spent] = OrderedDict()

    def challenge(self, text: str, ticket: Ticket) -> bytes:
        """A fresh challenge for a ticket that was not spent."""
        self._check_unspent(ticket)
        _prune(self._challenges, self._clock(), MAX_CHALLENGES - 1)
        own = [key for key, item in self._challenges.items() if item.member == ticket.member]
        for key in own[: max(0, len(own) - MAX_PER_MEMBER + 1)]:
            del self._challenges[key]
        value = secrets.token_bytes(32)
        self._challenges[value] = _Challenge(value, _hash(text), ticket.member, self._clock() + CHALLENGE_SECONDS)
        return value

    def spend_challenge(self, value: bytes, text: str, ticket: Ticket) -> None:
        """Use up a challenge, whatever comes of it; Problem 401 unless it was made for this very ticket."""
        found = self._challenges.pop(value, None)
        if found is None or found.expires <= self._clock():
            raise Problem(
                401, "The challenge is unknown, used or expired; ask for a new one.", reason="challenge_unknown"
            )
        if not hmac.compare_digest(found.ticket_hash, _hash(text)):
            raise Problem(401, "The challenge was made for another ticket.", reason="challenge_other_ticket")
        self._check_unspent(ticket)

    def open(self, ticket: Ticket) -> tuple[str, Session]:
        """Spend the ticket on a new session; its token is told once and kept as a hash."""
        self._spend(ticket)
        self._drop_oldest()
        token = secrets.token_urlsafe(32)
        session = Session(ticket.member, ticket.sub, ticket.tenant, self._clock() + SESSION_SECONDS)
        session.allow(ticket)
        self._sessions[_hash(token)] = session
        return token, session

    def find(self, token: str) -> Session:
        """The session of a token; Problem 401 when there is none."""
        session = self._sessions.get(_hash(token))
        if session is None or session.expires <= self._clock():
            self.close(token)
            raise Problem(401, "The session has ended; unlock again.", reason="session_unknown")
        return session

    def renew(self, session: Session, ticket: Ticket) -> None:
        """Spend another ticket of the same person on an open session."""
        if (ticket.member, ticket.sub, ticket.tenant) != (session.member, session.user, session.tenant):
            raise Problem(403, "The ticket belongs to somebody else than the session.", reason="ticket_other_person")
        self._spend(ticket)
        session.allow(ticket)
        session.expires = self._clock() + SESSION_SECONDS

    def close(self, token: str) -> None:
        """End a session, and the answers under way."""
        session = self._sessions.pop(_hash(token), None)
        if session is not None:
            session.dead = True

    def close_members(self, keep: Callable[[str], bool]) -> None:
        """End the sessions of everyone who is no member any more."""
        for key, session in list(self._sessions.items()):
            if not keep(session.member):
                session.dead = True
                del self._sessions[key]

    def seconds_left(self, session: Session) -> float:
        """Until a session ends by itself."""
        return max(0.0, session.expires - self._clock())

    def __len__(self) -> int:
        return len(self._sessions)

    def _spend(self, ticket: Ticket) -> None:
        self._check_unspent(ticket)
        _prune(self._spent, self._clock(), MAX_SPENT - 1)
        self._spent[ticket.jti] = _Spent(self._clock() + _SPENT_SECONDS)

    def _check_unspent(self, ticket: Ticket) -> None:
        if ticket.jti in self._spent:
            raise Problem(401, "The ticket was used already; ask for a new one.", reason="ticket_used")

    def _drop_oldest(self) -> None:
        before = dict(self._sessions)
        _prune(self._sessions, self._clock(), MAX_SESSIONS - 1)
        for key, session in before.items():
            if key not in self._sessions:
                session.dead = True


def _prune(items: "OrderedDict[bytes, E] | OrderedDict[str, E]", moment: float, limit: int) -> None:
    """Forget what has expired (the oldest stand first), then the oldest beyond `limit`."""
    while items:
        key = next(iter(items))
        if items[key].expires > moment and len(items) <= limit:  # type: ignore[index]
            return
        del items[key]  # type: ignore[arg-type]


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
