"""What each roster action does to the household, and when it is not allowed."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from guardian.vault.errors import VaultError
from guardian.vault.roster_form import (
    Action,
    AddEdge,
    AddMember,
    Edge,
    Epoch,
    Genesis,
    Member,
    NewEpoch,
    RemoveMember,
    RevokeEdge,
)


@dataclass(frozen=True)
class State:
    """Who belongs to the household after an entry."""

    household: str
    members: Mapping[str, Member]
    removed: frozenset[str]
    edges: Mapping[str, Edge]
    revoked: frozenset[str]
    epochs: tuple[Epoch, ...]


def household_of(sign_public: bytes, receive_public: bytes) -> str:
    """The id of the household that a member with these keys begins.

    Slots and wraps are bound to the id, and so to its founder: whoever carries the roster cannot put another beginning
    before the owner's own slot in a browser that has not seen the household yet.
    """
    return hashlib.sha256(b"guardian/household/v1\0" + sign_public + receive_public).digest()[:16].hex()


def begin(household: str, action: Genesis) -> State:
    """The state after the first entry."""
    _need(household == household_of(action.member.sign, action.member.receive), "household of another founder")
    _check_epoch(action.epoch, 1, [action.member.id])
    return State(
        household,
        MappingProxyType({action.member.id: action.member}),
        frozenset(),
        MappingProxyType({}),
        frozenset(),
        (action.epoch,),
    )


def apply(state: State, action: Action) -> State:
    """The state after `action`; refused (`roster_action`) when the state before does not allow it."""
    match action:
        case AddMember():
            return _add_member(state, action)
        case RemoveMember():
            return _remove_member(state, action)
        case AddEdge():
            _need_unused(state, action.edge.id)
            return replace(state, edges=MappingProxyType({**state.edges, action.edge.id: action.edge}))
        case RevokeEdge():
            _need(action.edge_id in state.edges, "no such edge")
            edges = {key: edge for key, edge in state.edges.items() if key != action.edge_id}
            return replace(state, edges=MappingProxyType(edges), revoked=state.revoked | {action.edge_id})
        case NewEpoch():
            _check_epoch(action.epoch, len(state.epochs) + 1, state.members)
            return replace(state, epochs=(*state.epochs, action.epoch))
        case Genesis():
            raise VaultError("roster_action", "a second genesis")


def _add_member(state: State, action: AddMember) -> State:
    member = action.member
    _need_unused(state, member.id)
    _need(
        sorted(item.epoch for item in action.wraps) == list(range(1, len(state.epochs) + 1))
        and all(item.wrap.member == member.id for item in action.wraps),
        "wraps",
    )
    return replace(state, members=MappingProxyType({**state.members, member.id: member}))


def _remove_member(state: State, action: RemoveMember) -> State:
    _need(action.member_id in state.members, "no such member")
    members = {key: member for key, member in state.members.items() if key != action.member_id}
    _need(bool(members), "the last member")
    _check_epoch(action.epoch, len(state.epochs) + 1, members)
    return replace(
        state,
        members=MappingProxyType(members),
        removed=state.removed | {action.member_id},
        epochs=(*state.epochs, action.epoch),
    )


def _check_epoch(epoch: Epoch, number: int, members: Collection[str]) -> None:
    _need(epoch.number == number, "epoch number")
    _need(sorted(wrap.member for wrap in epoch.wraps) == sorted(members), "wraps")


def _need_unused(state: State, new_id: str) -> None:
    taken = (state.members, state.removed, state.edges, state.revoked)
    _need(not any(new_id in ids for ids in taken), "id used before")


def _need(holds: bool, detail: str) -> None:
    if not holds:
        raise VaultError("roster_action", detail)
