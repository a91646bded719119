"""Key slots in a file: reading them as `guardian vault init` or the control plane gives them, and opening one."""

import json
from pathlib import Path
from typing import Any

from guardian.common.errors import GuardianError
from guardian.vault import slots
from guardian.vault.errors import VaultError
from guardian.vault.roster import Roster
from guardian.vault.roster_author import Author
from guardian.vault.slots import Slot

_MAX_BYTES = 1 << 20


def read_slots(path: Path) -> list[Slot]:
    """One slot, a list of them, or `{"slots": […]}`; each checked in form and cost."""
    try:
        raw = path.read_bytes()
        found: Any = json.loads(raw) if len(raw) <= _MAX_BYTES else None
    except OSError as error:
        raise GuardianError(
            f"The key slots {path} cannot be read: {error.strerror}.", reason="slots_unreadable"
        ) from error
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        found = found.get("slots", found.get("items", [found]))
    if not isinstance(found, list) or not found:
        raise GuardianError(f"{path} holds no key slots.", reason="slots_malformed")
    return [Slot.read(json.dumps(item).encode()) for item in found]


def open_slot(found: list[Slot], secret: str, roster: Roster, *, recovery: bool) -> Author:
    """The member whose slot opens; VaultError `wrong_secret` when none does."""
    kind = "recovery" if recovery else "secret"
    candidates = [slot for slot in found if slot.kind == kind]
    if not candidates:
        raise GuardianError(
            f"Among these key slots there is none of kind {kind}.",
            reason="slot_absent",
            hint="Try without --recovery." if recovery else "Try --recovery with the printed code.",
        )
    for slot in candidates:
        try:
            opener = slots.open_with_recovery if recovery else slots.open_with_secret
            return Author(slot.member, opener(slot, secret, roster))
        except VaultError as error:
            # Each member has slots of their own: this was another's.
            if error.reason != "wrong_secret":
                raise
    raise VaultError("wrong_secret")
