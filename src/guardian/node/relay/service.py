"""What a browser may do here: show a ticket, answer a challenge, hold a session, read what its tickets name."""

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

from guardian.common import log
from guardian.common.clock import now, to_text
from guardian.node import identity
from guardian.node.relay import tickets
from guardian.node.relay.gateway import GatewayClient
from guardian.node.relay.problems import Problem
from guardian.node.relay.sessions import CHALLENGE_SECONDS, Session, Sessions
from guardian.node.relay.tickets import Ticket
from guardian.vault.encoding import b64u, from_b64u
from guardian.vault.errors import VaultError
from guardian.vault.messages import verify_challenge
from guardian.vault.roster import Roster

MAX_READING = 32
_log = log.get(__name__)


class TicketKeys:
    """The control plane's keys as the agent has them, read again when the agent has renewed them."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._stamp: tuple[int, int] | None = None
        self._keys: list[bytes] = []

    def current(self) -> list[bytes]:
        """Ed25519 public keys; Problem 503 when they cannot be read."""
        try:
            status = identity.ticket_keys_file(self._state_dir).stat()
            if (status.st_ino, status.st_mtime_ns) != self._stamp:
                self._keys = identity.load_ticket_keys(self._state_dir)
                self._stamp = status.st_ino, status.st_mtime_ns
        except (OSError, identity.IdentityError) as error:
            raise Problem(503, "This node's ticket keys cannot be read.", reason="ticket_keys") from error
        return self._keys


class RelayService:
    """No HTTP here: values in, values or Problems out."""

    def __init__(
        self,
        who: identity.Identity,
        keys: TicketKeys,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], dt.datetime] = now,
    ) -> None:
        self.who = who
        self.sessions = Sessions(clock)
        # Attempts to unlock that were refused since start, and why the last one was.
        self.refused = 0
        self.last_refusal = ""
        self._keys = keys
        self._today = today
        self.gateway: GatewayClient

    def on_roster(self, roster: Roster) -> None:
        """Called with each roster seen: who is no member any more has no session any more."""
        self.sessions.close_members(roster.members.__contains__)

    def note_refusal(self, problem: Problem) -> None:
        """Somebody was not let in: the operator reads of it in log and status."""
        self.refused += 1
        self.last_refusal = problem.sentence
        _log.warning("unlock_refused", reason=problem.reason, sentence=str(problem))

    def check(self, text: str) -> Ticket:
        """A ticket that is good here and now."""
        return tickets.verify(
            text, self._keys.current(), tenant=self.who.tenant, node=self.who.node, moment=self._today()
        )

    def challenge(self, text: str) -> dict[str, str]:
        """Answer of `POST /v1/challenges`."""
        value = self.sessions.challenge(text, self.check(text))
        expires = self._today() + dt.timedelta(seconds=CHALLENGE_SECONDS)
        return {"challenge": b64u(value), "node": self.who.node, "expires": to_text(expires)}

    async def open(self, text: str, challenge: str, member: str, signature: str) -> dict[str, str]:
        """Answer of `POST /v1/sessions`: only for a member who signs with her own key, whatever the ticket says."""
        ticket = self.check(text)
        try:
            value, proof = from_b64u(challenge, 32), from_b64u(signature, 64)
        except VaultError:
            raise Problem(400, "Challenge or signature is not of its form.", reason="request_malformed") from None
        self.sessions.spend_challenge(value, text, ticket)
        if member != ticket.member:
            raise Problem(403, "The ticket is for another member.", reason="ticket_other_member")
        roster = await self.gateway.roster()
        try:
            verify_challenge(roster, member, self.who.node, value, text, proof)
        except VaultError as error:
            raise Problem(403, f"The node does not know you as a member. {error}", reason=error.reason) from error
        token, session = self.sessions.open(ticket)
        return {"session": token, "expires": self._expires(session)}

    async def session(self, token: str) -> Session:
        """The session of a token, its member looked up in the newest roster."""
        self.sessions.find(token)
        await self.gateway.roster()
        # The roster may have ended it just now.
        return self.sessions.find(token)

    async def renew(self, token: str, text: str) -> dict[str, str]:
        """Answer of `PUT /v1/sessions/current`."""
        session = await self.session(token)
        self.sessions.renew(session, self.check(text))
        return {"expires": self._expires(session)}

    async def permit(self, token: str, name: str) -> Session:
        """A session whose tickets name this object or event."""
        session = await self.session(token)
        if name not in session.names:
            raise Problem(
                403, "No ticket of this session names that.", reason="not_in_ticket", hint="Ask for a ticket that does."
            )
        if session.reading >= MAX_READING:
            raise Problem(429, "Too many readings at once.", reason="rate_limited", headers={"Retry-After": "1"})
        return session

    def _expires(self, session: Session) -> str:
        return to_text(self._today() + dt.timedelta(seconds=self.sessions.seconds_left(session)))
