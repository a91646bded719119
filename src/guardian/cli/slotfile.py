"""Key slots in a file: reading them as `guardian vault init` or the control plane gives them, and opening one."""

import json
from pathlib import Path
from typing import Any

from guardian.common.errors import GuardianError
from guardian.vault import owner
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


def unlock(found: list[Slot], secret: str, roster: Roster, *, recovery: bool) -> Author:
    """The member whose slot opens; GuardianError when there is no slot of that kind at all."""
    kind = "recovery" if recovery else "secret"
    if not any(slot.kind == kind for slot in found):
        raise GuardianError(
            f"Among these key slots there is none of kind {kind}.",
            reason="slot_absent",
            hint="Try without --recovery." if recovery else "Try --recovery with the printed code.",
        )
    return (owner.unlock_by_recovery if recovery else owner.unlock)(found, roster, secret)
