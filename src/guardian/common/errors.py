"""Errors with a reason a machine can read and a sentence a person can act on."""


class GuardianError(Exception):
    """Base of every error this project raises on purpose.

    Args:
        sentence: what went wrong, for a person; holds no secret, credential or personal data.
        reason: machine-readable, snake_case, stable.
        hint: what to do about it, when the sentence alone does not say.
    """

    def __init__(self, sentence: str, *, reason: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = reason
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}".strip()


class ConfigError(GuardianError):
    """A configuration that cannot be used."""


class StoreError(GuardianError):
    """A database or file of ours that cannot be used."""


class PeerError(GuardianError):
    """The other side of a connection is away, is not who it should be, or refused."""
