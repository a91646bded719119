"""One-time enrolment tokens: where to go, whom to trust there, and a secret to spend."""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass

from guardian.common.errors import GuardianError

_PREFIX = "gdn1."
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-f:]+\]|[A-Za-z0-9.-]{1,253}):(?P<port>[0-9]{1,5})")
_PIN = re.compile(r"[0-9a-f]{64}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{40,64}")


class TokenError(GuardianError):
    """A token that is not one of ours, or was damaged on the way."""


@dataclass(frozen=True)
class Token:
    """`address` is host:port of the enrolment port, `pin` the SPKI hash of its certificate."""

    address: str
    pin: str
    secret: str

    @classmethod
    def create(cls, address: str, pin: str) -> "Token":
        """A new token with a fresh 256-bit secret."""
        return cls(address, pin, secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> "Token":
        """Strict; TokenError for anything else."""
        text = text.strip()
        try:
            if not text.startswith(_PREFIX) or len(text) > 2048:
                raise ValueError("prefix")
            body = text.removeprefix(_PREFIX)
            raw = json.loads(base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True))
            token = cls(raw["a"], raw["p"], raw["s"])
            if set(raw) != {"a", "p", "s"} or not _ADDRESS.fullmatch(token.address) or not _PIN.fullmatch(token.pin):
                raise ValueError("fields")
            if not _SECRET.fullmatch(token.secret) or not 0 < token.port < 65536:
                raise ValueError("secret")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise TokenError(
                "This is not an enrolment token.",
                reason="token_malformed",
                hint="It begins with gdn1. and must be pasted whole; ask for a new one if it was cut.",
            ) from error
        return token

    @property
    def host(self) -> str:
        """Host of the enrolment port, without brackets."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Port of the enrolment port."""
        return int(self.address.rpartition(":")[2])

    def __str__(self) -> str:
        body = json.dumps({"a": self.address, "p": self.pin, "s": self.secret}, separators=(",", ":")).encode()
        return _PREFIX + base64.urlsafe_b64encode(body).decode().rstrip("=")

    def __repr__(self) -> str:
        return f"Token(address={self.address!r}, secret=hidden)"


def secret_hash(secret: str) -> bytes:
    """What the issuer stores: SHA-256 of a 256-bit random secret needs no salt or stretching."""
    return hashlib.sha256(secret.encode()).digest()
