"""`guardian-seed`: takes the bootstrap seed into the credential store and wipes where it was.

Root's oneshot, without network.
"""

import argparse
import contextlib
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from guardian.common import credstore, log, secrets, seed_image, seed_owner, seed_region, seed_state, seed_stick, wifi
from guardian.common.errors import GuardianError
from guardian.common.seed import MAX_BYTES, SECRET, Seed, SeedError, parse, refuse_expired
from guardian.common.seed_image import Image
from guardian.common.seed_owner import Owner
from guardian.common.seed_region import SeedRegionError
from guardian.common.seed_state import Settings, mark_taken, was_taken

SOURCE = Path("/etc/guardian/seed/seed.json")
# What a boot medium or a hypervisor hands over: systemd passes it on under this name.
SYSTEM_CREDENTIAL = "guardian.seed"
_log = log.get(__name__)


@dataclass(frozen=True)
class Found:
    """What a place had to say: a sentence, '' for nothing; `new`: a seed was taken there."""

    sentence: str = ""
    new: bool = False


def take(
    source: Path = SOURCE,
    store: Path = credstore.STORE,
    state: Path = seed_state.FOLDER,
    image: Image | None = None,
    stick: Path = seed_stick.DEVICE,
) -> str:
    """Put the seed that is there into the store; a sentence of what was done.

    A file wins over the image's partition, that over a stick, and that over a credential. One of the last three that is
    refused keeps no other out; the last fault, of what was brought latest, is raised when nothing was taken.
    """
    image = image or Image()
    # Nothing that would be taken now lasts, and whose this machine is nobody can tell.
    if not (image.keeps(state) and image.keeps(store)):
        raise SeedError(
            "This machine started without what it keeps, and may be somebody's: it takes no seed.",
            reason="data_closed",
            hint="Switch it off and on; if the start asks for the recovery key, type it.",
        )
    if source.is_symlink() or source.exists():
        raw = _read_file(source)
        _keep(raw, store, state)
        credstore.wipe(source)
        return "The seed was taken and its file wiped."
    folder = secrets.credentials()
    owner = seed_owner.read(folder)
    places: list[Callable[[], Found]] = [
        lambda: _take_from_image(image, owner, store, state),
        lambda: _take_from_stick(stick, owner, store, state),
        lambda: _take_from_boot(folder, owner, store, state),
    ]
    said = ""
    fault: GuardianError | None = None
    for look in places:
        try:
            found = look()
        except credstore.CredentialError:
            # No other could be kept either, and this one must not be thrown away for it.
            raise
        except GuardianError as error:
            _warn(fault)
            fault = error
            continue
        said = said or found.sentence
        if found.new:
            _warn(fault)
            # One that is refused at each start, and holds a token and a passphrase, is nobody's any more.
            _discard(image, state)
            return found.sentence
    if fault is not None:
        raise fault
    return said or "There is no seed."


def _warn(fault: GuardianError | None) -> None:
    """Of what keeps no other out; what is raised in the end is told of there."""
    if fault is not None:
        _log.warning("seed_refused", reason=fault.reason, sentence=str(fault))


def _take_from_image(image: Image, owner: Owner, store: Path, state: Path) -> Found:
    with seed_image.opened(image.partition) as partition:
        if partition is None:
            return Found()
        raw = partition.read()
        content = _content(raw, partition, state)
        if content is None:
            return Found()
        # On a medium that cannot be written to it is there at every boot, as a credential is.
        before = was_taken(content.payload, state)
        if not before:
            keys = seed_image.trusted(image.keys)
            _keep(seed_region.unpack(raw, seed_image.read_id(image.image_id), keys) or b"", store, state, owner)
        gone = _empty(partition, state)
    if before:
        return Found("The seed of this image was taken before.")
    return Found(f"The seed was taken from the image, which {'is empty now' if gone else 'still has it'}.", new=True)


def _content(raw: bytes, partition: seed_image.Partition, state: Path) -> seed_region.Content | None:
    try:
        content = seed_region.read(raw)
    except SeedRegionError:
        # The power went while it was emptied: any sectors are left, and that is no damage. A sound one came later.
        if len(raw) != seed_region.SIZE or not seed_state.is_emptying(state):
            raise
        _empty(partition, state)
        return None
    if content is None:
        seed_state.forget_emptying(state)
    return content


def _discard(image: Image, state: Path) -> None:
    """Empty what nobody will take, as far as it can be; nothing but a region is written over."""
    with contextlib.suppress(GuardianError), seed_image.opened(image.partition) as partition:
        if partition is not None and partition.read() != seed_region.empty():
            _empty(partition, state)


def _empty(partition: seed_image.Partition, state: Path) -> bool:
    if not partition.is_writable or len(partition.read()) != seed_region.SIZE:
        return False
    seed_state.note_emptying(state)
    gone = partition.empty()
    if gone:
        seed_state.forget_emptying(state)
    return gone


def _take_from_stick(device: Path, owner: Owner, store: Path, state: Path) -> Found:
    """Nobody signed it: a machine that is somebody's takes none, nor one that does not know."""
    if owner.enrolled is None or not device.exists():
        return Found()
    if not owner.takes_sticks:
        return Found("The stick was left alone: this machine is enrolled.")
    with seed_stick.opened(device, MAX_BYTES) as file:
        if file is None:
            return Found()
        before = was_taken(file.content, state)
        if not before:
            _keep(file.content, store, state)
        gone = file.wipe()
    if before:
        return Found("The seed on the stick was taken before.")
    has = "has it no more" if gone else "still has it: destroy it"
    return Found(f"The seed was taken from the stick, which {has}.", new=True)


def _take_from_boot(folder: Path | None, owner: Owner, store: Path, state: Path) -> Found:
    if folder is None or not (folder / SYSTEM_CREDENTIAL).is_file():
        return Found()
    raw = (folder / SYSTEM_CREDENTIAL).read_bytes()[: MAX_BYTES + 1]
    # It is there at every boot: once taken it is old news.
    if was_taken(raw, state):
        return Found("The seed of this boot was taken before.")
    _keep(raw, store, state, owner)
    return Found("The seed was taken from the boot's credentials.", new=True)


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


def _keep(raw: bytes, store: Path, state: Path, owner: Owner | None = None) -> None:
    found = parse(raw)
    refuse_expired(found)
    if owner is not None:
        owner.refuse_other(found.fingerprint)
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
