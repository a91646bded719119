"""A household made on the edge itself: roster, the owner's key slots, a recovery code; the edge added to it."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from guardian.cli.household import read_roster, roster_path
from guardian.cli.slotfile import read_slots, unlock
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, read_plain, write_atomic
from guardian.vault import owner
from guardian.vault import roster as vault_roster
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster
from guardian.vault.roster_author import add_edge
from guardian.vault.roster_form import Edge

_MOST = 64 << 10


@dataclass(frozen=True)
class Household:
    """What was made; the recovery code is in here alone and is shown once."""

    roster: Roster
    member: str
    recovery_code: str
    roster_path: Path
    slots_path: Path


def begin_household(state_dir: Path, name: str, ask: Callable[[], str]) -> Household:
    """Make and store a household; GuardianError when there is one already. `ask` gives the new secret."""
    target, beside = roster_path(state_dir), slots_path(state_dir)
    if not state_dir.is_dir():
        raise GuardianError(
            f"There is no state directory {state_dir}.",
            reason="state_missing",
            hint="Name the edge's with --state-dir.",
        )
    for path in (target, beside):
        if path.exists():
            raise GuardianError(
                f"This edge has a household already ({path}).",
                reason="household_exists",
                hint="A roster is never begun anew; see `guardian vault show`.",
            )
    edge = _this_edge(state_dir)
    begun = owner.begin(name, ask())
    roster = begun.roster
    if edge is not None:
        roster = roster.extend([add_edge(roster, begun.author, edge)])
    # The slots come first: a roster whose owner could never open it would be worse than none.
    _store(beside, json.dumps({"slots": [json.loads(slot.to_json()) for slot in begun.slots]}).encode(), state_dir)
    _store(target, vault_roster.to_json(roster.entries), state_dir)
    return Household(roster, begun.author.id, begun.recovery_code, target, beside)


def add_this_edge(state_dir: Path, ask: Callable[[], str]) -> Roster:
    """Let the edge whose state this is into the household made here; `ask` gives the vault's secret."""
    edge = _this_edge(state_dir)
    if edge is None:
        raise GuardianError(
            "This edge has no keys yet.", reason="not_enrolled", hint="Run `guardian edge enroll` first."
        )
    chain = read_roster(roster_path(state_dir))
    if chain is None:
        raise GuardianError(
            "This edge has no household yet.", reason="roster_missing", hint="Run `guardian vault init` first."
        )
    author = unlock(read_slots(slots_path(state_dir)), ask(), chain, recovery=False)
    longer = chain.extend([add_edge(chain, author, edge)])
    _store(roster_path(state_dir), vault_roster.to_json(longer.entries), state_dir)
    return longer


def slots_path(state_dir: Path) -> Path:
    """Where a household made here keeps its locked key slots."""
    return state_dir / "vault" / "slots.json"


def _this_edge(state_dir: Path) -> Edge | None:
    """The edge whose state this is, if it has been enrolled: it stands here, so its words need no comparing."""
    folder = state_dir / "identity"
    try:
        identity = json.loads(read_plain(folder / "identity.json", _MOST))
        keys = Keys.load(folder)
        return Edge(id=identity["edge"], name=identity["name"], sign=keys.sign_public, receive=keys.receive_public)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, VaultError) as error:
        raise GuardianError(
            f"This edge's identity in {folder} cannot be used.",
            reason="identity_damaged",
            hint="Run this as the edge's user, or as root.",
        ) from error


def _store(path: Path, data: bytes, state_dir: Path) -> None:
    """Write a file that belongs to whoever the state directory belongs to: root may be the one who types."""
    existed = path.parent.is_dir()
    private_folder(path.parent, mode=0o750)
    write_atomic(path, data, mode=0o640)
    if os.geteuid() == 0:
        owner = state_dir.stat()
        for item in (path,) if existed else (path.parent, path):
            os.chown(item, owner.st_uid, owner.st_gid)
