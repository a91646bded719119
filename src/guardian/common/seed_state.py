"""What `guardian-seed` leaves in `STATE/seed`: settings of the machine, digests of taken seeds, why one was refused.

And, while the image's partition is emptied, that it is: what a power cut leaves of it then is no damage.
"""

import contextlib
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, read_plain, sync_directory, write_atomic
from guardian.common.seed_settings import HostSettings, is_ssid

FOLDER = Path("/var/lib/guardian/seed")
SETTINGS, TAKEN, REFUSED, EMPTYING = "settings.json", "taken", "refused.json", "emptying"
_MAX_BYTES = 16 << 10
# No machine takes as many in its life; of more the newest count.
_MOST_TAKEN = 512
_DIGEST = re.compile(r"[0-9a-f]{64}")


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
    """This seed was taken: wherever it still lies or is laid again, it is old news from now on."""
    digest = _digest(raw)
    lines = [*(line for line in _taken(state) if line != digest), digest][-_MOST_TAKEN:]
    write_atomic(private_folder(state) / TAKEN, "".join(f"{line}\n" for line in lines).encode())


def was_taken(raw: bytes, state: Path) -> bool:
    """Whether this very seed was taken, last or before."""
    return _digest(raw) in _taken(state)


def note_emptying(state: Path) -> None:
    """Durably, before the first byte is written over."""
    write_atomic(private_folder(state) / EMPTYING, b"")


def is_emptying(state: Path) -> bool:
    """Whether it was begun, and nobody saw its end."""
    return (state / EMPTYING).exists()


def forget_emptying(state: Path) -> None:
    """It is empty."""
    if is_emptying(state):
        (state / EMPTYING).unlink()
        sync_directory(state)


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


def _taken(state: Path) -> list[str]:
    """Oldest first; releases before this one wrote the last one's digest alone."""
    try:
        lines = read_plain(state / TAKEN, 2 * 65 * _MOST_TAKEN).decode("ascii").split()
    except (OSError, UnicodeDecodeError):
        return []
    return [line for line in lines if _DIGEST.fullmatch(line)]


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
