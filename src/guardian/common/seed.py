"""The bootstrap seed's form: a one-time token, a name, and what a machine that is made from an image is to be.

It is the one thing a stranger may have written: it is read as data only.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from guardian.common import secrets
from guardian.common.clock import from_text, now
from guardian.common.errors import GuardianError
from guardian.common.seed_settings import HostSettings, Wifi
from guardian.common.tokens import Token, TokenError

SECRET = "seed"  # noqa: S105 (a name)
MAX_BYTES = 8 << 10
# For people, of what is refused: what each key is to be.
_FORMS = {
    "token": "an enrolment token, whole: `guardian edge token` prints one",
    "name": "up to 64 characters that can be printed",
    "fingerprint": "64 hexadecimal digits, in small letters",
    "locale": "a locale's name, such as de_DE.UTF-8",
    "timezone": "a time zone's name, such as Europe/Berlin",
    "wifi.ssid": "a Wi-Fi's name of 1 to 32 bytes",
    "wifi.psk": "a passphrase of 8 to 63 plain characters, or 64 hexadecimal digits",
    "ssh_key": "one public key as OpenSSH writes it (Ed25519, ECDSA, or RSA of 2,048 bits and more), without options",
    "expires": "a moment with its zone, such as 2027-01-31T12:00:00Z",
}


class SeedError(GuardianError):
    """A seed that cannot be used."""


class Seed(HostSettings):
    """The seed. `version` counts its forms; an older daemon refuses a newer form instead of guessing.

    What came with version 2 is for a machine that is made from an image; it is written into configuration files there.
    """

    version: int = Field(default=1, ge=1, le=2)
    token: str = Field(max_length=2048, repr=False)
    name: str = Field(default="", max_length=64)
    # SHA-256 of the first entry of the household's roster, which its owner compares as words.
    fingerprint: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    wifi: Wifi | None = None
    unattended: bool = False
    # The data partition, to the machine's TPM; the installer asks nobody.
    encrypt: bool = False
    expires: str = Field(default="", max_length=40)

    @field_validator("token")
    @classmethod
    def _token(cls, value: str) -> str:
        try:
            Token.parse(value)
        except TokenError:
            raise ValueError("must be an enrolment token, whole") from None
        return value.strip()

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be plain text")
        return value

    @field_validator("expires")
    @classmethod
    def _moment(cls, value: str) -> str:
        if value:
            from_text(value)
        return value

    @model_validator(mode="after")
    def _first_form(self) -> "Seed":
        if self.version == 1 and self.model_fields_set - {"version", "token", "name"}:
            raise ValueError("version 1 has a token and a name alone")
        return self

    def is_expired(self, moment: datetime) -> bool:
        """Whether its time is over; without one it has no end of its own."""
        return bool(self.expires) and from_text(self.expires) <= moment


def parse(raw: bytes) -> Seed:
    """Strict: one JSON object, known keys, each once, small. SeedError names the key, never the value."""
    if len(raw) > MAX_BYTES:
        raise _bad("it is larger than 8 KiB")
    try:
        content = json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
        return Seed.model_validate(content, strict=True)
    except ValidationError as error:
        keys = sorted({".".join(map(str, item["loc"])) or "the whole" for item in error.errors()})
        said = [f"{key[:40]} is to be {_FORMS[key]}" if key in _FORMS else f"look at {key[:40]}" for key in keys[:5]]
        raise _bad("; ".join(said), "Have it made anew with that put right.") from None
    except (ValueError, RecursionError):
        raise _bad("it is not one JSON object") from None


def read(environ_folder: Path | None) -> Seed:
    """The seed as `guardian-enroll` finds it: its credential."""
    return parse(secrets.read(SECRET, environ_folder or Path("/nonexistent")))


def refuse_expired(seed: Seed) -> None:
    """SeedError `seed_expired` when its time is over."""
    if seed.is_expired(now()):
        raise SeedError(
            f"The seed's token ended at {seed.expires}.",
            reason="seed_expired",
            hint="Have a new seed made, and look whether this machine's clock is right.",
        )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key twice")
    return content


def _bad(
    why: str, hint: str = 'It is a JSON object like {"version": 1, "token": "gdn1.…", "name": "front"}.'
) -> SeedError:
    return SeedError(f"The seed cannot be used: {why}.", reason="seed_malformed", hint=hint)
