"""What `guardian-seed` leaves in `STATE/seed`: settings of the machine, the last seed's digest, why one was refused."""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, read_plain, write_atomic
from guardian.common.seed_settings import HostSettings, is_ssid

FOLDER = Path("/var/lib/guardian/seed")
SETTINGS, TAKEN, REFUSED = "settings.json", "taken", "refused.json"
_MAX_BYTES = 16 << 10


class StateError(GuardianError):
    """What lies there is not what `guardian-seed` wrote."""


class Settings(HostSettings):
    """`settings.json`. Of Wi-Fi it has the name alone; the passphrase is in the credential store."""

    ssid: str = Field(default="", max_length=32)

    @field_validator("ssid")
    @classmethod
    def _name(cls, value: str) -> str:
        if value and not is_ssid(value):
            raise ValueError("must be plain text of 1 to 32 bytes")
        return value


@dataclass(frozen=True)
class Refusal:
    """Why the seed that is there cannot be used, and what to do."""

    reason: str
    sentence: str
    hint: str


def read_settings(state: Path = FOLDER) -> Settings:
    """What the last seed said; all empty before there was one. StateError `seed_settings_damaged`."""
    path = state / SETTINGS
    try:
        return Settings.model_validate_json(read_plain(path, _MAX_BYTES), strict=True)
    except FileNotFoundError:
        return Settings()
    except (OSError, ValidationError):
        # No cause: it would quote the file.
        raise StateError(
            f"{path} is not what guardian-seed wrote: nothing of it is applied.",
            reason="seed_settings_damaged",
            hint="Remove it, or have a new seed made.",
        ) from None


def has_settings(state: Path) -> bool:
    """Whether a seed said something of the machine."""
    return (state / SETTINGS).exists()


def keep_settings(settings: Settings, state: Path) -> None:
    """In the place of those before."""
    write_atomic(private_folder(state) / SETTINGS, settings.model_dump_json().encode())


def mark_taken(raw: bytes, state: Path) -> None:
    """This seed was taken: where it cannot be wiped, it is old news from now on."""
    write_atomic(private_folder(state) / TAKEN, _digest(raw).encode())


def was_taken(raw: bytes, state: Path) -> bool:
    """Whether this very seed was the last one taken."""
    try:
        return read_plain(state / TAKEN, 256).decode("ascii").strip() == _digest(raw)
    except (OSError, UnicodeDecodeError):
        return False


def note_refusal(error: GuardianError | None, state: Path) -> None:
    """For the machine's own screen; None: there is none any more."""
    path = state / REFUSED
    if error is None:
        path.unlink(missing_ok=True)
        return
    about = {"reason": error.reason, "sentence": error.sentence, "hint": error.hint}
    with contextlib.suppress(OSError):
        write_atomic(private_folder(state) / REFUSED, json.dumps(about).encode())


def read_refusal(state: Path = FOLDER) -> Refusal | None:
    """None when the last seed was taken, or there is none."""
    try:
        found = json.loads(read_plain(state / REFUSED, _MAX_BYTES))
        return Refusal(str(found["reason"]), str(found["sentence"]), str(found["hint"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
