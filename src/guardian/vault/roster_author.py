"""Writing roster entries: what a member's browser, or `guardian vault` on the edge, does.

Each function returns the entry to append; `roster.extend([entry])` then checks it as any reader would.
"""

import secrets
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from guardian.vault import hpke
from guardian.vault.encoding import new_id, now, parse
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster, RosterEntry
from guardian.vault.roster_form import (
    Action,
    AddEdge,
    AddMember,
    Edge,
    Epoch,
    EpochWrap,
    Genesis,
    Member,
    NewEpoch,
    Payload,
    RemoveMember,
    RevokeEdge,
    Wrap,
)
from guardian.vault.roster_rules import household_of


@dataclass(frozen=True)
class Author:
    """A member with her private keys."""

    id: str
    keys: Keys


def describe_member(name: str, keys: Keys, member_id: str | None = None) -> Member:
    """The public side of a member."""
    return Member(id=member_id or new_id(), name=name, sign=keys.sign_public, receive=keys.receive_public)


def genesis(
    name: str, keys: Keys, *, member_id: str | None = None, time: datetime | None = None
) -> tuple[Author, RosterEntry]:
    """Begin a household with its owner; its id follows from her keys."""
    member = describe_member(name, keys, member_id)
    household = household_of(member.sign, member.receive)
    author = Author(member.id, keys)
    action = Genesis(member=member, epoch=_new_epoch(household, 1, [member]))
    payload = Payload(v=1, household=household, seq=0, prev="", author=member.id, time=time or now(), action=action)
    return author, RosterEntry.make(payload, keys)


def add_member(roster: Roster, author: Author, member: Member, *, time: datetime | None = None) -> RosterEntry:
    """Let another person in: every epoch so far is wrapped for her, nothing is encrypted again."""
    seeds = open_epochs(roster, author)
    wraps = [
        EpochWrap(epoch=number, wrap=_wrap(roster.household, number, seed, member)) for number, seed in seeds.items()
    ]
    return _entry(roster, author, AddMember(member=member, wraps=wraps), time)


def remove_member(roster: Roster, author: Author, member_id: str, *, time: datetime | None = None) -> RosterEntry:
    """Let a person go: what is recorded from now on is sealed to a new epoch."""
    remaining = [member for member in roster.members.values() if member.id != member_id]
    epoch = _new_epoch(roster.household, roster.epoch.number + 1, remaining)
    return _entry(roster, author, RemoveMember(member_id=member_id, epoch=epoch), time)


def add_edge(roster: Roster, author: Author, edge: Edge, *, time: datetime | None = None) -> RosterEntry:
    """Let an edge in, after its words were compared."""
    return _entry(roster, author, AddEdge(edge=edge), time)


def revoke_edge(roster: Roster, author: Author, edge_id: str, *, time: datetime | None = None) -> RosterEntry:
    """Let an edge go."""
    return _entry(roster, author, RevokeEdge(edge_id=edge_id), time)


def new_epoch(roster: Roster, author: Author, *, time: datetime | None = None) -> RosterEntry:
    """Seal to a new vault key pair from now on."""
    epoch = _new_epoch(roster.household, roster.epoch.number + 1, roster.members.values())
    return _entry(roster, author, NewEpoch(epoch=epoch), time)


def open_epochs(roster: Roster, author: Author) -> Mapping[int, bytes]:
    """The vault's private seeds by epoch, as far as this member's wraps reach."""
    seeds = {}
    for entry in roster.entries:
        action = parse(Payload, entry.payload, "roster_malformed").action
        for number, public, wrap in _wraps(roster, action):
            if wrap.member != author.id:
                continue
            info = _info(roster.household, author.id, number)
            seed = author.keys.open_sealed(hpke.Sealed(wrap.enc, wrap.ct), info)
            # A wrap is only worth having if it holds the private half of the epoch it is filed under.
            if hpke.public_key(seed) != public:
                raise VaultError("wrong_key", f"epoch {number}")
            seeds[number] = seed
    return dict(sorted(seeds.items()))


def _wraps(roster: Roster, action: Action) -> Iterable[tuple[int, bytes, Wrap]]:
    if isinstance(action, Genesis | RemoveMember | NewEpoch):
        return [(action.epoch.number, action.epoch.public, wrap) for wrap in action.epoch.wraps]
    if isinstance(action, AddMember):
        epochs = roster.state.epochs
        return [(item.epoch, epochs[item.epoch - 1].public, item.wrap) for item in action.wraps]
    return []


def _entry(roster: Roster, author: Author, action: Action, time: datetime | None) -> RosterEntry:
    payload = Payload(
        v=1,
        household=roster.household,
        seq=len(roster),
        prev=roster.head_hash.hex(),
        author=author.id,
        time=time or now(),
        action=action,
    )
    return RosterEntry.make(payload, author.keys)


def _new_epoch(household: str, number: int, members: Iterable[Member]) -> Epoch:
    seed = secrets.token_bytes(hpke.SEED_SIZE)
    wraps = [_wrap(household, number, seed, member) for member in members]
    return Epoch(number=number, public=hpke.public_key(seed), wraps=wraps)


def _wrap(household: str, number: int, seed: bytes, member: Member) -> Wrap:
    sealed = hpke.seal(member.receive, seed, _info(household, member.id, number))
    return Wrap(member=member.id, enc=sealed.enc, ct=sealed.ct)


def _info(household: str, member_id: str, number: int) -> bytes:
    ids = bytes.fromhex(household) + bytes.fromhex(member_id)
    return b"guardian/epoch/v1\0" + ids + struct.pack(">I", number)
