"""Whose this machine is already, as the unit tells `guardian-seed`: a machine that is somebody's takes less."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from guardian.common.errors import GuardianError

# Of a unit that may look at a stick: who this machine is, and next to nothing while it is nobody.
IDENTITY_CREDENTIAL = "identity"
_MAX_BYTES = 64 << 10
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class OwnerError(GuardianError):
    """A seed that is not for the household this machine belongs to."""


@dataclass(frozen=True)
class Owner:
    """`household` is its fingerprint, '' where no seed named it; `enrolled` is None where no unit says."""

    enrolled: bool | None = None
    household: str = ""

    @property
    def takes_sticks(self) -> bool:
        """Nobody signed what is on one: a machine that is somebody's takes none, nor one that does not know."""
        return self.enrolled is False

    def refuse_other(self, fingerprint: str) -> None:
        """OwnerError `seed_other_household` where this machine is somebody's, and the seed's household is not that one.

        Of a machine whose household nobody named no seed is: it could be anybody's whose seeds the same key signs.

        Args:
            fingerprint: as the seed names it, '' for none.
        """
        if self.enrolled and not (self.household and fingerprint == self.household):
            raise OwnerError(
                "This machine is enrolled, and the seed is not known to be for its household.",
                reason="seed_other_household",
                hint="Have a seed made that names the household by its fingerprint, or reset the machine to factory.",
            )


def read(credentials: Path | None) -> Owner:
    """Of the folder of the unit's credentials; None where there is none."""
    identity = _read(credentials, IDENTITY_CREDENTIAL)
    # A unit gives an empty line where there is no such file.
    if identity is None or len(identity) <= 1:
        return Owner(None if identity is None else False)
    named = _named(identity)
    return Owner(True, named if _FINGERPRINT.fullmatch(named) else "")


def _named(identity: bytes) -> str:
    try:
        found = json.loads(identity)["fingerprint"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""


def _read(credentials: Path | None, name: str) -> bytes | None:
    """None where the unit has no such credential; a large one is cut off, and then is not understood."""
    if credentials is None or not (path := credentials / name).is_file():
        return None
    with path.open("rb") as file:
        return file.read(_MAX_BYTES)
