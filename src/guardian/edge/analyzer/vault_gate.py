"""Whether events may be stored now: the edge must be enrolled and in its owner's roster."""

from pathlib import Path

from guardian.common.errors import GuardianError
from guardian.common.health import Health
from guardian.edge import identity
from guardian.edge.events.pictures import Sealing
from guardian.edge.identity import Identity
from guardian.edge.roster import RosterFile


class VaultGate:
    """Re-reads identity and roster when asked; cheap when nothing has changed."""

    def __init__(self, state_dir: Path, health: Health) -> None:
        self._state_dir, self._health = state_dir, health
        self._roster = RosterFile(state_dir)
        self._identity: Identity | None = None
        self.sealing: Sealing | None = None

    def check(self) -> Sealing | None:
        """Who seals and to whom, or None while the owner's vault is not known; health says why."""
        try:
            if self._identity is None:
                self._identity = identity.load(self._state_dir)
            recipient = self._roster.recipient(self._identity)
        except GuardianError as error:
            self.sealing = None
            waiting = error.reason in {"not_enrolled", "no_roster", "edge_unconfirmed"}
            self._health.set("vault", "waiting" if waiting else "failed", str(error), reason=error.reason)
            return None
        if self.sealing is None or self.sealing.recipient != recipient:
            self.sealing = Sealing(self._identity, recipient)
        fault = self._roster.fault
        if fault is not None:
            self._health.set("vault", "degraded", str(fault), reason=fault.reason)
        else:
            self._health.set("vault", "ok", "Events are sealed to their owner's vault.", epoch=recipient.epoch.number)
        return self.sealing
