"""The JSON forms of roster entries, as docs/vault-format.md lists them."""

from typing import Annotated, Literal

from pydantic import Field

from guardian.vault.encoding import (
    U32,
    Bytes32,
    Bytes48,
    Encapsulation,
    Hex16,
    Hex32,
    Int,
    One,
    ReceivePublic,
    Text,
    Time,
    Wire,
)

MAX_PAYLOAD = 256 * 1024
MAX_ENTRIES = 10_000

Number = Annotated[U32, Field(ge=1)]


class Member(Wire):
    """A person: keys that sign for the household and receive its vault."""

    id: Hex16
    name: Text
    sign: Bytes32
    receive: ReceivePublic


class Edge(Wire):
    """A Mini PC: keys that sign what it records and receive what members seal to it."""

    id: Hex16
    name: Text
    sign: Bytes32
    receive: ReceivePublic


class Wrap(Wire):
    """An epoch's private seed, sealed to one member."""

    member: Hex16
    enc: Encapsulation
    ct: Bytes48


class Epoch(Wire):
    """A vault key pair: its public half, its private half wrapped for each member."""

    number: Number
    public: ReceivePublic
    wraps: list[Wrap]


class EpochWrap(Wire):
    """An older epoch's wrap, for a member who joins later."""

    epoch: Number
    wrap: Wrap


class Genesis(Wire):
    """The first entry: the owner makes herself a member and the first epoch."""

    type: Literal["genesis"] = "genesis"
    member: Member
    epoch: Epoch


class AddMember(Wire):
    """Another person joins and receives every epoch so far."""

    type: Literal["add_member"] = "add_member"
    member: Member
    wraps: list[EpochWrap]


class RemoveMember(Wire):
    """A person leaves; what is recorded from now on is sealed to a new epoch."""

    type: Literal["remove_member"] = "remove_member"
    member_id: Hex16
    epoch: Epoch


class AddEdge(Wire):
    """An edge joins, its words compared by the author."""

    type: Literal["add_edge"] = "add_edge"
    edge: Edge


class RevokeEdge(Wire):
    """An edge's signature counts no more."""

    type: Literal["revoke_edge"] = "revoke_edge"
    edge_id: Hex16


class NewEpoch(Wire):
    """A new vault key pair from now on."""

    type: Literal["new_epoch"] = "new_epoch"
    epoch: Epoch


Action = Genesis | AddMember | RemoveMember | AddEdge | RevokeEdge | NewEpoch


class Payload(Wire):
    """What the author of an entry signs."""

    v: One
    household: Hex16
    seq: Int
    prev: Hex32 | Literal[""]
    author: Hex16
    time: Time
    action: Annotated[Action, Field(discriminator="type")]
