"""What a state directory says of edge and household: identity, roster, and the words an owner compares."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from guardian.common.errors import GuardianError
from guardian.common.files import read_plain
from guardian.vault import roster as vault_roster
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster

_MOST = 64 << 10
# A household's roster of many years is far smaller.
_MOST_ROSTER = 64 << 20


@dataclass(frozen=True)
class Household:
    """`words` is empty until there is both an identity and a roster."""

    edge: str = ""
    name: str = ""
    words: str = ""
    confirmed: bool = False
    entries: int = 0
    fault: str = ""
    members: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)


def roster_path(state_dir: Path) -> Path:
    """Where an edge keeps its roster."""
    return state_dir / "uplink" / "roster.json"


def read_roster(path: Path) -> Roster | None:
    """A checked roster; None when there is none yet. Raises VaultError, or GuardianError when it cannot be read."""
    try:
        return Roster.verify(vault_roster.from_json(read_plain(path, _MOST_ROSTER)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GuardianError(
            f"The roster {path} cannot be read: {error.strerror}.",
            reason="roster_unreadable",
            hint="Run this as the edge's user, or as root.",
        ) from error


def read_household(state_dir: Path) -> Household | None:
    """None when this state directory belongs to no edge; a broken roster becomes its `fault`."""
    folder = state_dir / "identity"
    try:
        identity = json.loads(read_plain(folder / "identity.json", _MOST))
        edge, name, pinned = str(identity["edge"]), str(identity["name"]), str(identity.get("fingerprint", ""))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        roster = read_roster(roster_path(state_dir))
    except GuardianError as error:
        return Household(edge, name, fault=str(error))
    if roster is None:
        return Household(edge, name)
    if pinned and roster.genesis_hash.hex() != pinned:
        return Household(
            edge, name, fault=f"The roster {roster_path(state_dir)} is another household's than the seed's."
        )
    public = _public_keys(folder, roster, edge)
    listed = roster.edges.get(edge)
    return Household(
        edge,
        name,
        words=" ".join(roster.edge_words(*public)) if public else "",
        confirmed=listed is not None and (public is None or (listed.sign, listed.receive) == public),
        entries=len(roster),
        members=[item.name for item in roster.members.values()],
        edges=[item.name for item in roster.edges.values()],
    )


def _public_keys(folder: Path, roster: Roster, edge: str) -> tuple[bytes, bytes] | None:
    """The edge's own, as enrolment wrote them; of an older edge, from its private keys or its owner's list."""
    try:
        public = json.loads(read_plain(folder / "public.json", _MOST))
        return bytes.fromhex(public["sign"]), bytes.fromhex(public["receive"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        keys = Keys.load(folder)
        return keys.sign_public, keys.receive_public
    except VaultError:
        listed = roster.edges.get(edge)
        return (listed.sign, listed.receive) if listed else None
