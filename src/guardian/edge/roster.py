"""The owner's roster as the uplink left it in `STATE/uplink/roster.json`, and whom an edge may seal to by it."""

from dataclasses import dataclass
from pathlib import Path

from guardian.common.errors import GuardianError
from guardian.edge.identity import Identity
from guardian.vault import roster as vault_roster
from guardian.vault.errors import VaultError
from guardian.vault.roster import Roster
from guardian.vault.roster_form import Epoch

_MAX_BYTES = 256 << 20
_SENTENCES = {
    "no_roster": (
        "Waiting for the owner's vault: nothing is recorded before it is known.",
        "Sign in, set the vault's secret and confirm this edge.",
    ),
    "edge_unconfirmed": (
        "Waiting for the owner to add this edge to the vault: nothing is recorded before.",
        "Compare the words shown here and in the browser, then confirm this edge there.",
    ),
    "edge_revoked": (
        "The owner has revoked this edge: it records nothing any more.",
        "Enrol it again as a new edge if that was not meant.",
    ),
    "edge_replaced": (
        "The owner's vault lists this edge with other keys than it has: nothing is recorded.",
        "Revoke it in the browser and enrol it again.",
    ),
    "other_household": (
        "The roster the node shows is another household's than the seed named: nothing is recorded.",
        "Ask whoever made the seed: its node or its household is the wrong one. A new seed enrols this edge anew.",
    ),
    "roster_unreadable": ("The owner's roster on this edge cannot be read.", "The uplink fetches it again."),
}


class RosterError(GuardianError):
    """Nothing can be sealed now, and why."""

    def __init__(self, reason: str) -> None:
        sentence, hint = _SENTENCES[reason]
        super().__init__(sentence, reason=reason, hint=hint)


@dataclass(frozen=True)
class Recipient:
    """To whom an object made now is sealed."""

    household: str
    epoch: Epoch


def path_of(state_dir: Path) -> Path:
    """`STATE/uplink/roster.json`."""
    return state_dir / "uplink" / "roster.json"


def refuse_other(roster: Roster, fingerprint: str) -> None:
    """RosterError `other_household` unless the roster begins with the entry the seed named; it may have named none."""
    if fingerprint and roster.genesis_hash.hex() != fingerprint:
        raise RosterError("other_household")


class RosterFile:
    """Follows the file: re-read when it changed, checked whole, never back to a shorter or different chain."""

    def __init__(self, state_dir: Path) -> None:
        self._path = path_of(state_dir)
        self._stamp: tuple[int, int, int] | None = None
        self._roster: Roster | None = None
        # What is wrong with the newest file, while the chain before goes on being used.
        self.fault: GuardianError | None = None

    def current(self) -> Roster | None:
        """The highest chain checked so far; None before the first."""
        try:
            status = self._path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._stamp = stamp
                self._roster = vault_roster.follow(self._roster, vault_roster.from_json(self._read(status.st_size)))
                self.fault = None
        except FileNotFoundError:
            self._stamp = None
        except VaultError as error:
            self.fault = error
        except OSError:
            self.fault = RosterError("roster_unreadable")
        return self._roster

    def recipient(self, identity: Identity) -> Recipient:
        """Household and newest epoch to seal to; RosterError when this edge may not record now."""
        roster = self.current()
        if roster is None:
            raise self.fault or RosterError("no_roster")
        refuse_other(roster, identity.fingerprint)
        try:
            listed = roster.edge(identity.edge)
        except VaultError as error:
            raise RosterError("edge_revoked" if error.reason == "revoked" else "edge_unconfirmed") from None
        if listed.sign != identity.keys.sign_public:
            raise RosterError("edge_replaced")
        return Recipient(roster.household, roster.epoch)

    def _read(self, size: int) -> bytes:
        if size > _MAX_BYTES:
            raise VaultError("roster_malformed", "too large")
        return self._path.read_bytes()
