"""`guardian-seed`: takes the bootstrap seed (a one-time token, a name) into the credential store and wipes its source.

Root's oneshot, without network. The seed is the one thing a stranger may have written: it is read as data only.
"""

import argparse
import hashlib
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, NoReturn

from pydantic import Field, ValidationError, field_validator

from guardian.common import credstore, log, secrets
from guardian.common.config import Section
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, write_atomic
from guardian.common.tokens import Token, TokenError

SOURCE = Path("/etc/guardian/seed/seed.json")
STATE = Path("/var/lib/guardian/seed")
SECRET = "seed"  # noqa: S105 (a name)
# What a boot medium or a hypervisor hands over: systemd passes it on under this name.
SYSTEM_CREDENTIAL = "guardian.seed"
MAX_BYTES = 8 << 10
_log = log.get(__name__)


class SeedError(GuardianError):
    """A seed that cannot be used."""


class Seed(Section):
    """The seed file. `version` counts its forms; an older daemon refuses a newer form instead of guessing."""

    version: int = Field(default=1, ge=1, le=1)
    token: str = Field(max_length=2048)
    name: str = Field(default="", max_length=64)

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

    def __repr__(self) -> str:
        return f"Seed(name={self.name!r}, token=hidden)"


def parse(raw: bytes) -> Seed:
    """Strict: one JSON object, known keys, each once, small. SeedError names the key, never the value."""
    if len(raw) > MAX_BYTES:
        raise _bad("it is larger than 8 KiB")
    try:
        content = json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
        return Seed.model_validate(content, strict=True)
    except ValidationError as error:
        keys = sorted({".".join(map(str, item["loc"])) or "the whole" for item in error.errors()})
        raise _bad(f"look at {', '.join(key[:40] for key in keys[:5])}") from None
    except (ValueError, RecursionError):
        raise _bad("it is not one JSON object") from None


def read(environ_folder: Path | None) -> Seed:
    """The seed as `guardian-enroll` finds it: its credential."""
    return parse(secrets.read(SECRET, environ_folder or Path("/nonexistent")))


def take(source: Path = SOURCE, store: Path = credstore.STORE, state: Path = STATE) -> str:
    """Put the seed that is there into the store; a sentence of what was done. A file wins over a credential."""
    if source.is_symlink() or source.exists():
        raw = _read_file(source)
        _keep(raw, store, state)
        credstore.wipe(source)
        return "The seed was taken and its file wiped."
    folder = secrets.credentials()
    if folder is not None and (folder / SYSTEM_CREDENTIAL).is_file():
        raw = (folder / SYSTEM_CREDENTIAL).read_bytes()[: MAX_BYTES + 1]
        # It is there at every boot: once taken it is old news.
        if _mark(state) == _digest(raw):
            return "The seed of this boot was taken before."
        _keep(raw, store, state)
        return "The seed was taken from the boot's credentials."
    return "There is no seed."


def _read_file(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SeedError(f"{path} cannot be read: {error.strerror}.", reason="seed_unreadable") from error
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1 or about.st_uid not in (0, os.geteuid()):
            raise SeedError(f"{path} is not a plain file of root's.", reason="seed_unreadable")
        return file.read(MAX_BYTES + 1)


def _keep(raw: bytes, store: Path, state: Path) -> None:
    parse(raw)
    credstore.put(SECRET, raw, store)
    private_folder(state)
    write_atomic(state / "taken", _digest(raw).encode())
    _log.info("seed_taken")


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _mark(state: Path) -> str:
    try:
        return (state / "taken").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key twice")
    return content


def _bad(why: str) -> SeedError:
    return SeedError(
        f"The seed cannot be used: {why}.",
        reason="seed_malformed",
        hint='It is a JSON object like {"version": 1, "token": "gdn1.…", "name": "front"}. It stays where it is.',
    )


def main() -> NoReturn:
    """Console script: exits 0 when the seed was taken or there is none."""
    parser = argparse.ArgumentParser(prog="guardian-seed", description="Take the bootstrap seed.")
    parser.add_argument("--source", type=Path, default=SOURCE, metavar="FILE", help="default: %(default)s")
    parser.add_argument("--store", type=Path, default=credstore.STORE, metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--state", type=Path, default=STATE, metavar="FOLDER", help="default: %(default)s")
    arguments = parser.parse_args()
    log.setup("seed")
    try:
        print(take(arguments.source, arguments.store, arguments.state))
    except GuardianError as error:
        _log.error("seed_refused", reason=error.reason, sentence=str(error))
        print(f"guardian-seed: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)
