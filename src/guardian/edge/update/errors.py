"""Why an update is not taken."""

from guardian.common.errors import GuardianError


class UpdateError(GuardianError):
    """An update this machine does not take, or cannot take now."""


# Time or the other side mends it: a run that meets one has done what it could.
WAITS = frozenset(
    {
        "not_enrolled",
        "peer_away",
        "peer_failed",
        "peer_old",
        "updates_busy",
        "updates_unavailable",
        "update_gone",
        "update_slow",
        "update_at_work",
    }
)
