"""The household's roster: a hash chain of signed entries, and the state a checked chain leads to.

`Roster.verify(entries)` checks a whole chain; `roster.extend(entries)` what follows it; `candidate.follows(pinned)`
refuses (`stale`, `fork`) a chain that does not begin with the one already seen. A Roster is immutable and verified.
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from guardian.vault import identity, roster_rules
from guardian.vault.encoding import b64u, dump_json, from_b64u, load_json, parse
from guardian.vault.errors import VaultError
from guardian.vault.roster_form import MAX_ENTRIES, MAX_PAYLOAD, Edge, Epoch, Genesis, Member, Payload
from guardian.vault.roster_rules import State
from guardian.vault.words import edge_words, fingerprint

T = TypeVar("T")
_SIGNED = b"guardian/roster/v1\0"
_HASHED = b"guardian/roster-entry/v1\0"


@dataclass(frozen=True)
class RosterEntry:
    """One link, exactly as it was signed."""

    payload: bytes
    signature: bytes

    @cached_property
    def hash(self) -> bytes:
        """The entry's hash, which the next entry names."""
        head = _HASHED + struct.pack(">I", len(self.payload))
        return hashlib.sha256(head + self.payload + self.signature).digest()

    @classmethod
    def make(cls, payload: Payload, keys: identity.Keys) -> "RosterEntry":
        """Sign a payload."""
        data = payload.to_json()
        return cls(data, keys.sign(_SIGNED + data))


@dataclass(frozen=True)
class Roster:
    """A verified chain and the state it leads to."""

    entries: tuple[RosterEntry, ...]
    hashes: tuple[bytes, ...]
    state: State = field(repr=False)

    @classmethod
    def verify(cls, entries: Iterable[RosterEntry]) -> "Roster":
        """Check a whole chain from its first entry."""
        chain = list(entries)
        if not chain:
            raise VaultError("roster_malformed", "no entry")
        payload = _form(chain[0])
        if payload.seq != 0 or payload.prev != "":
            raise VaultError("roster_order", "entry 0")
        first = payload.action
        # The first entry's author is the member it creates, and nobody else.
        if not isinstance(first, Genesis) or payload.author != first.member.id:
            raise VaultError("roster_author", "entry 0")
        identity.verify(first.member.sign, _SIGNED + chain[0].payload, chain[0].signature)
        start = cls((chain[0],), (chain[0].hash,), roster_rules.begin(payload.household, first))
        return start.extend(chain[1:])

    def extend(self, entries: Iterable[RosterEntry]) -> "Roster":
        """Check entries that follow this chain; the roster they lead to."""
        added = list(entries)
        if len(self.entries) + len(added) > MAX_ENTRIES:
            raise VaultError("roster_malformed", "too many entries")
        state, hashes = self.state, list(self.hashes)
        for entry in added:
            state = _step(state, len(hashes), hashes[-1], entry)
            hashes.append(entry.hash)
        return replace(self, entries=(*self.entries, *added), hashes=tuple(hashes), state=state)

    def follows(self, pinned: "Roster | None") -> None:
        """Refuse this chain unless it begins with `pinned`, the highest one seen before."""
        if pinned is None:
            return
        shared = min(len(self.hashes), len(pinned.hashes))
        if self.hashes[:shared] != pinned.hashes[:shared]:
            raise VaultError("fork")
        if len(self.hashes) < len(pinned.hashes):
            raise VaultError("stale")

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def household(self) -> str:
        """The household's id."""
        return self.state.household

    @property
    def genesis_hash(self) -> bytes:
        """Hash of the first entry: what an owner pins."""
        return self.hashes[0]

    @property
    def head_hash(self) -> bytes:
        """Hash of the newest entry."""
        return self.hashes[-1]

    @property
    def members(self) -> Mapping[str, Member]:
        """Members now, by id."""
        return self.state.members

    @property
    def edges(self) -> Mapping[str, Edge]:
        """Edges now, by id, without the revoked."""
        return self.state.edges

    @property
    def epoch(self) -> Epoch:
        """The newest epoch: what is recorded now is sealed to its public key."""
        return self.state.epochs[-1]

    def member(self, member_id: str) -> Member:
        """A member now; refused as `revoked` or `stranger` otherwise."""
        return _belongs(member_id, self.state.members, self.state.removed)

    def edge(self, edge_id: str) -> Edge:
        """An edge now; refused as `revoked` or `stranger` otherwise."""
        return _belongs(edge_id, self.state.edges, self.state.revoked)

    def contains(self, seq: int, entry_hash: bytes) -> bool:
        """Whether the entry at `seq` of this chain is the one named."""
        return 0 <= seq < len(self.hashes) and self.hashes[seq] == entry_hash

    def words(self) -> list[str]:
        """The household's own fingerprint, of its first entry."""
        return fingerprint(self.genesis_hash)

    def edge_words(self, sign_public: bytes, receive_public: bytes) -> list[str]:
        """The words an owner compares with an edge that holds these public keys."""
        return edge_words(self.genesis_hash, sign_public, receive_public)


def follow(pinned: Roster | None, entries: Sequence[RosterEntry]) -> Roster:
    """Check a whole chain someone shows and that it begins with the one pinned; the roster to pin from now on.

    Only what follows the pinned chain is verified again.
    """
    if pinned is None:
        return Roster.verify(entries)
    shared = min(len(entries), len(pinned.entries))
    if tuple(entries[:shared]) != pinned.entries[:shared]:
        raise VaultError("fork")
    if len(entries) < len(pinned.entries):
        raise VaultError("stale")
    return pinned.extend(entries[shared:])


def to_json(entries: Iterable[RosterEntry]) -> bytes:
    """The form a roster is stored and exchanged in: `{"entries":[{"payload":b64u,"signature":b64u},…]}`."""
    rows = [{"payload": b64u(entry.payload), "signature": b64u(entry.signature)} for entry in entries]
    return dump_json({"entries": rows})


def from_json(data: bytes) -> list[RosterEntry]:
    """Entries, not yet checked, of the stored form."""
    try:
        rows = load_json(data)["entries"]
        return [RosterEntry(from_b64u(row["payload"]), from_b64u(row["signature"])) for row in rows]
    except (ValueError, KeyError, TypeError, VaultError):
        raise VaultError("roster_malformed", "not the stored form") from None


def _belongs(who: str, present: Mapping[str, T], gone: frozenset[str]) -> T:
    found = present.get(who)
    if found is None:
        raise VaultError("revoked" if who in gone else "stranger")
    return found


def _form(entry: RosterEntry) -> Payload:
    if len(entry.payload) > MAX_PAYLOAD:
        raise VaultError("roster_malformed", "entry too large")
    return parse(Payload, entry.payload, "roster_malformed")


def _step(state: State, seq: int, prev: bytes, entry: RosterEntry) -> State:
    payload = _form(entry)
    if payload.household != state.household or payload.seq != seq or payload.prev != prev.hex():
        raise VaultError("roster_order", f"entry {seq}")
    author = state.members.get(payload.author)
    if author is None:
        raise VaultError("roster_author", f"entry {seq}")
    identity.verify(author.sign, _SIGNED + entry.payload, entry.signature)
    return roster_rules.apply(state, payload.action)
