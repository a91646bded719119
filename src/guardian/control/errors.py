"""Refusals of the control plane, each with the HTTP status it becomes."""

from guardian.common.errors import GuardianError


class ControlError(GuardianError):
    """Base; what a caller did wrong or cannot have."""

    status = 400


class Unauthenticated(ControlError):
    """Nobody is logged in, or the login failed."""

    status = 401


class Forbidden(ControlError):
    """Known, and not allowed."""

    status = 403


class NotFound(ControlError):
    """Not there, or not the caller's: the two are never told apart."""

    status = 404


class Conflict(ControlError):
    """Does not fit what is stored."""

    status = 409


class TooLarge(ControlError):
    """A body larger than this route takes."""

    status = 413


class TooMany(ControlError):
    """Asked too often; `retry_after` in seconds."""

    status = 429

    def __init__(self, sentence: str, *, reason: str, retry_after: int) -> None:
        super().__init__(sentence, reason=reason)
        self.retry_after = retry_after


class Unavailable(ControlError):
    """Something this tier needs is away."""

    status = 503
