"""Edges and the tokens they enrol with: rows in the store, and in memory who may speak and who does."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from guardian.common import log
from guardian.common.clock import from_text, now, to_text
from guardian.common.errors import GuardianError, StoreError
from guardian.common.retry import Backoff
from guardian.common.tokens import secret_hash
from guardian.node.gateway.bell import Bell
from guardian.node.gateway.store import Store

T = TypeVar("T")
# A store that refused a revocation is asked again at least so often, in seconds.
_RETRY_SECONDS = 5.0
_LAST_TRY_SECONDS = 1.0
_log = log.get(__name__)
_EDGES = "SELECT id, name, sign_public, receive_public, enrolled_at, revoked_at, status, status_at FROM edges"


class EnrolmentError(GuardianError):
    """A stranger that may not become an edge."""


class EdgeRevoked(GuardianError):
    """An edge its household has let go."""

    def __init__(self) -> None:
        super().__init__("The household has revoked this edge.", reason="edge_revoked")


class RevocationUnwritten(StoreError):
    """Somebody was let go, and the store does not take it."""

    def __init__(self, cause: StoreError) -> None:
        super().__init__(
            f"The edge is let go from now on, but that is not durable yet: {cause.sentence}",
            reason="revocation_unwritten",
            hint="It is tried again until it is written. Should the gateway end before, let the edge go again.",
        )


class EdgeUnknown(GuardianError):
    """No edge by that name or id, or more than one."""

    def __init__(self, *, several: bool) -> None:
        if several:
            super().__init__(
                "Several edges have this name.", reason="edge_ambiguous", hint="Say its id: `guardian edge list`."
            )
        else:
            super().__init__(
                "This node has no such edge.", reason="edge_unknown", hint="`guardian edge list` shows those it has."
            )


@dataclass(frozen=True)
class Edge:
    """A registered edge."""

    id: str
    name: str
    sign_public: bytes
    receive_public: bytes
    enrolled_at: dt.datetime
    revoked_at: dt.datetime | None = None
    status: bytes | None = None
    status_at: dt.datetime | None = None

    def has_keys_of(self, other: "Edge") -> bool:
        """Whether both keys are the other's."""
        return (self.sign_public, self.receive_public) == (other.sign_public, other.receive_public)


@dataclass
class _Link:
    """What is known of an edge while this daemon runs: its open calls, when it was last heard."""

    calls: set["asyncio.Task[object]"] = field(default_factory=set)
    last_seen: dt.datetime | None = None


class Edges:
    """All edges, held in memory: every call looks one up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._edges: dict[str, Edge] = {}
        self._links: dict[str, _Link] = {}
        # Let go, and not yet so in the store.
        self._unwritten: set[str] = set()
        self._trying: asyncio.Task[None] | None = None
        self.bell = Bell()

    async def load(self) -> None:
        """Read the rows once, at start."""

        def work(connection: sa.Connection) -> list[Edge]:
            return [_edge(row) for row in connection.exec_driver_sql(_EDGES)]

        self._edges = {edge.id: edge for edge in await self._store.read(work)}

    def all(self) -> list[Edge]:
        """Every edge, the revoked ones too."""
        return list(self._edges.values())

    def get(self, edge_id: str) -> Edge | None:
        """An edge that was registered, revoked or not."""
        return self._edges.get(edge_id)

    def is_online(self, edge_id: str) -> bool:
        """Whether a call of the edge is open now; keepalive ends those of a dead link."""
        link = self._links.get(edge_id)
        return bool(link and link.calls)

    def last_seen(self, edge_id: str) -> dt.datetime | None:
        """When it was last heard: now while it is connected."""
        link, edge = self._links.get(edge_id), self._edges[edge_id]
        if link is None or link.last_seen is None:
            return edge.status_at
        return now() if link.calls else link.last_seen

    @asynccontextmanager
    async def call(self, edge_id: str) -> AsyncIterator[None]:
        """Marks the current task as a call of this edge: revoking it ends the call."""
        link = self._links.setdefault(edge_id, _Link())
        task = cast("asyncio.Task[object]", asyncio.current_task())
        link.calls.add(task)
        link.last_seen = now()
        if len(link.calls) == 1:
            self.bell.ring()
        try:
            yield
        except asyncio.CancelledError:
            # gRPC would leave a cancelled call hanging: the edge is to be told why instead.
            if self._edges[edge_id].revoked_at is not None and task.uncancel() == 0:
                raise EdgeRevoked from None
            raise
        finally:
            link.calls.discard(task)
            link.last_seen = now()
            if not link.calls:
                self.bell.ring()

    def find(self, name_or_id: str) -> Edge:
        """The edge that is not durably revoked and has this id, or alone has this name; EdgeUnknown otherwise."""
        present = [edge for edge in self._edges.values() if edge.revoked_at is None or edge.id in self._unwritten]
        found = [edge for edge in present if edge.id == name_or_id]
        found = found or [edge for edge in present if edge.name == name_or_id]
        if len(found) != 1:
            raise EdgeUnknown(several=len(found) > 1)
        return found[0]

    async def put_status(self, edge_id: str, status: bytes) -> None:
        """Keep an edge's newest telemetry."""
        moment = now()

        def work(connection: sa.Connection) -> None:
            query = "UPDATE edges SET status = ?, status_at = ? WHERE id = ?"
            connection.exec_driver_sql(query, (status, to_text(moment), edge_id))

        await self._store.writer.run(work)
        self._edges[edge_id] = replace(self._edges[edge_id], status=status, status_at=moment)
        self._links.setdefault(edge_id, _Link()).last_seen = moment
        self.bell.ring()

    async def revoke(self, edge_id: str) -> None:
        """The household has let this edge go; RevocationUnwritten when that is in force and not durable."""
        self.let_go([edge_id])
        await self.write_revocations()

    def let_go(self, edge_ids: Iterable[str]) -> None:
        """Their calls end, the hub drops them and they may make no other call: whatever the disk says of it later."""
        gone = [edge for edge_id in edge_ids if (edge := self._edges.get(edge_id)) and edge.revoked_at is None]
        for edge in gone:
            self._edges[edge.id] = replace(edge, revoked_at=now())
            self._unwritten.add(edge.id)
            for task in list(self._links.get(edge.id, _Link()).calls):
                task.cancel()
        if gone:
            self.bell.ring()

    async def write_revocations(self) -> None:
        """Durable when this returns; RevocationUnwritten while the store refuses: it is asked until it takes it."""
        try:
            await self._write_revocations()
        except StoreError as error:
            _log.error("revocation_unwritten", reason=error.reason, sentence=str(error))
            if self._trying is None or self._trying.done():
                self._trying = asyncio.create_task(self._try_again())
            raise RevocationUnwritten(error) from error

    async def close(self) -> None:
        """One last try to write what is not yet written; call it before the store is closed."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.gather(self._trying, return_exceptions=True)
        if self._store.writer.alive:
            with suppress(StoreError, TimeoutError):
                await asyncio.wait_for(self._write_revocations(), _LAST_TRY_SECONDS)

    async def _write_revocations(self) -> None:
        edges = [self._edges[edge_id] for edge_id in self._unwritten]
        rows = [(to_text(edge.revoked_at), edge.id) for edge in edges if edge.revoked_at is not None]
        if not rows:
            return

        def work(connection: sa.Connection) -> None:
            connection.exec_driver_sql("UPDATE edges SET revoked_at = ? WHERE id = ?", rows)

        await self._store.writer.run(work)
        self._unwritten.difference_update(edge.id for edge in edges)

    async def _try_again(self) -> None:
        backoff = Backoff(maximum=_RETRY_SECONDS)
        while self._unwritten:
            await asyncio.sleep(backoff.next())
            with suppress(StoreError):
                await self._write_revocations()
        _log.info("revocation_written")

    async def create_token(self, secret: str, name: str, expires_at: dt.datetime) -> None:
        """Keep a token's hash."""

        def work(connection: sa.Connection) -> None:
            query = "INSERT INTO tokens (hash, name, expires_at) VALUES (?, ?, ?)"
            connection.exec_driver_sql(query, (secret_hash(secret), name, to_text(expires_at)))

        await self._store.writer.run(work)

    async def check_token(self, secret: str) -> str:
        """The name a token was made for; EnrolmentError when nobody can come with it, not even who has spent it."""
        return (await self._store.read(lambda connection: _usable_token(connection, secret))).name

    async def register(
        self,
        secret: str,
        edge: Edge,
        tls_public: bytes,
        also: Callable[[sa.Connection, str], T],
    ) -> tuple[Edge, T]:
        """Spend the token, register the edge and do what belongs to it in the store: all of it or nothing.

        An edge that spent this token and comes again with the same keys, its answer lost, is told who it is.
        """

        def work(connection: sa.Connection) -> tuple[Edge, T]:
            token = _usable_token(connection, secret)
            if token.edge_id is not None:
                there = _one(connection, token.edge_id)
                same = token.tls_public == tls_public and there.has_keys_of(edge)
                # Whom the memory knows as let go may not be written yet.
                if not same or there.revoked_at is not None or self._edges.get(there.id, there).revoked_at is not None:
                    raise _spent()
                return there, also(connection, there.id)
            known = connection.exec_driver_sql("SELECT 1 FROM edges WHERE sign_public = ?", (edge.sign_public,)).first()
            if known:
                raise EnrolmentError(
                    "An edge with this signing key is registered already.",
                    reason="edge_known",
                    hint="Each enrolment makes fresh keys; begin again with a new token.",
                )
            connection.exec_driver_sql(
                "INSERT INTO edges (id, name, sign_public, receive_public, enrolled_at) VALUES (?, ?, ?, ?, ?)",
                (edge.id, edge.name, edge.sign_public, edge.receive_public, to_text(edge.enrolled_at)),
            )
            connection.exec_driver_sql(
                "UPDATE tokens SET spent_at = ?, edge_id = ?, tls_public = ? WHERE hash = ?",
                (to_text(now()), edge.id, tls_public, secret_hash(secret)),
            )
            return edge, also(connection, edge.id)

        known, done = await self._store.writer.run(work)
        if known is edge:
            self._edges[edge.id] = edge
            self.bell.ring()
        return known, done


def nothing(_: sa.Connection, __: str) -> None:
    """For `register`, where an edge has nothing else in the store."""


def _one(connection: sa.Connection, edge_id: str) -> Edge:
    # Of the store, not of the memory: an edge that was registered a moment ago may not have reached that.
    return _edge(connection.exec_driver_sql(f"{_EDGES} WHERE id = ?", (edge_id,)).one())


def _edge(row: Any) -> Edge:
    return Edge(row[0], row[1], row[2], row[3], from_text(row[4]), _time(row[5]), row[6], _time(row[7]))


@dataclass(frozen=True)
class _Token:
    """`edge_id` and `tls_public` of who has spent it; None while nobody has."""

    name: str
    edge_id: str | None
    tls_public: bytes | None


_ASK = "Make a new one on the node with `guardian edge token`."


def _usable_token(connection: sa.Connection, secret: str) -> _Token:
    row = connection.exec_driver_sql(
        "SELECT name, expires_at, spent_at, edge_id, tls_public FROM tokens WHERE hash = ?", (secret_hash(secret),)
    ).one_or_none()
    if row is None:
        raise EnrolmentError("This node knows no such token.", reason="token_unknown", hint=_ASK)
    name, expires_at, spent_at, edge_id, tls_public = row
    is_over = from_text(expires_at) <= now()
    # Until its end it is good for the one who has spent it, where that was written down.
    if spent_at is not None and (is_over or edge_id is None or tls_public is None):
        raise _spent()
    if is_over:
        raise EnrolmentError("This token has expired.", reason="token_expired", hint=_ASK)
    return _Token(name, edge_id, tls_public)


def _spent() -> EnrolmentError:
    return EnrolmentError("This token was used already; each works once.", reason="token_spent", hint=_ASK)


def _time(text: str | None) -> dt.datetime | None:
    return from_text(text) if text else None
