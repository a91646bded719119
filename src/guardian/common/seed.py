"""`guardian-seed`: takes the bootstrap seed (a one-time token, a name) into the credential store and wipes its source.

Root's oneshot, without network. The seed is the one thing a stranger may have written: it is read as data only.
"""

import argparse
import json
import os
import stat
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from pydantic import Field, ValidationError, field_validator, model_validator

from guardian.common import credstore, log, secrets, seed_image, seed_region, seed_state, seed_stick, wifi
from guardian.common.clock import from_text, now
from guardian.common.errors import GuardianError
from guardian.common.seed_image import Image
from guardian.common.seed_settings import HostSettings, Wifi
from guardian.common.seed_state import Settings, mark_taken, was_taken
from guardian.common.tokens import Token, TokenError

SOURCE = Path("/etc/guardian/seed/seed.json")
SECRET = "seed"  # noqa: S105 (a name)
# What a boot medium or a hypervisor hands over: systemd passes it on under this name.
SYSTEM_CREDENTIAL = "guardian.seed"
MAX_BYTES = 8 << 10
# Of a unit that may look at a stick: who this machine is, and next to nothing while it is nobody.
IDENTITY_CREDENTIAL = "identity"
_log = log.get(__name__)


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
        raise _bad(f"look at {', '.join(key[:40] for key in keys[:5])}") from None
    except (ValueError, RecursionError):
        raise _bad("it is not one JSON object") from None


def read(environ_folder: Path | None) -> Seed:
    """The seed as `guardian-enroll` finds it: its credential."""
    return parse(secrets.read(SECRET, environ_folder or Path("/nonexistent")))


def take(
    source: Path = SOURCE,
    store: Path = credstore.STORE,
    state: Path = seed_state.FOLDER,
    image: Image | None = None,
    stick: Path = seed_stick.DEVICE,
) -> str:
    """Put the seed that is there into the store; a sentence of what was done.

    A file wins over the image's partition, that over a stick, and that over a credential.
    """
    if source.is_symlink() or source.exists():
        raw = _read_file(source)
        _keep(raw, store, state)
        credstore.wipe(source)
        return "The seed was taken and its file wiped."
    if said := _take_from_image(image or Image(), store, state):
        return said
    folder = secrets.credentials()
    handed_over = folder is not None and (folder / SYSTEM_CREDENTIAL).is_file()
    if folder is not None:
        try:
            if said := _take_from_stick(stick, folder, store, state):
                return said
        except GuardianError as error:
            if not handed_over:
                raise
            # Whatever somebody plugged in, it does not keep out what the hypervisor says.
            _log.warning("seed_refused", reason=error.reason, sentence=str(error))
    if folder is not None and handed_over:
        raw = (folder / SYSTEM_CREDENTIAL).read_bytes()[: MAX_BYTES + 1]
        # It is there at every boot: once taken it is old news.
        if was_taken(raw, state):
            return "The seed of this boot was taken before."
        _keep(raw, store, state)
        return "The seed was taken from the boot's credentials."
    return "There is no seed."


def _take_from_image(image: Image, store: Path, state: Path) -> str:
    """A sentence, or '' when there is no such partition or nothing in it."""
    with seed_image.opened(image.partition) as partition:
        if partition is None:
            return ""
        raw = partition.read()
        content = seed_region.read(raw)
        if content is None:
            return ""
        # On a medium that cannot be written to it is there at every boot, as a credential is.
        before = was_taken(content.payload, state)
        if not before:
            keys = seed_image.trusted(image.keys)
            _keep(seed_region.unpack(raw, seed_image.read_id(image.image_id), keys) or b"", store, state)
        gone = partition.empty()
    if before:
        return "The seed of this image was taken before."
    return f"The seed was taken from the image, which {'is empty now' if gone else 'still has it'}."


def _take_from_stick(device: Path, credentials: Path, store: Path, state: Path) -> str:
    """A sentence, or '' when there is none to look at. Nobody signed it: a machine that is somebody's takes none."""
    identity = credentials / IDENTITY_CREDENTIAL
    if not identity.is_file() or not device.exists():
        return ""
    # A unit gives an empty line where there is no such file.
    if identity.stat().st_size > 1:
        return "The stick was left alone: this machine is enrolled."
    with seed_stick.opened(device, MAX_BYTES) as file:
        if file is None:
            return ""
        before = was_taken(file.content, state)
        if not before:
            _keep(file.content, store, state)
        gone = file.wipe()
    if before:
        return "The seed on the stick was taken before."
    return f"The seed was taken from the stick, which {'has it no more' if gone else 'still has it: destroy it'}."


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


def refuse_expired(seed: Seed) -> None:
    """SeedError `seed_expired` when its time is over."""
    if seed.is_expired(now()):
        raise SeedError(
            f"The seed's token ended at {seed.expires}.",
            reason="seed_expired",
            hint="Have a new seed made, and look whether this machine's clock is right.",
        )


def _keep(raw: bytes, store: Path, state: Path) -> None:
    found = parse(raw)
    refuse_expired(found)
    # One of version 1 says nothing of the machine; what an earlier one said goes all the same.
    if found.version > 1 or seed_state.has_settings(state):
        _keep_settings(found, store, state)
    credstore.put(SECRET, raw, store)
    mark_taken(raw, state)
    _log.info("seed_taken")


def _keep_settings(found: Seed, store: Path, state: Path) -> None:
    """In the place of all that an earlier seed said of the machine."""
    if found.wifi is None:
        credstore.remove(wifi.SECRET, store)
    else:
        credstore.put(wifi.SECRET, wifi.configuration(found.wifi), store)
    settings = Settings(
        locale=found.locale,
        timezone=found.timezone,
        ssh_key=found.ssh_key,
        ssid=found.wifi.ssid if found.wifi else "",
    )
    seed_state.keep_settings(settings, state)


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
    parser.add_argument("--state", type=Path, default=seed_state.FOLDER, metavar="FOLDER", help="default: %(default)s")
    arguments = parser.parse_args()
    log.setup("seed")
    try:
        print(take(arguments.source, arguments.store, arguments.state))
        seed_state.note_refusal(None, arguments.state)
    except GuardianError as error:
        seed_state.note_refusal(error, arguments.state)
        _log.error("seed_refused", reason=error.reason, sentence=str(error))
        print(f"guardian-seed: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)
