"""`guardian-install`: from the medium to the disk, in words a person can follow on the screen and on a serial line."""

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from guardian.appliance import disks, luks, medium, ours, writing
from guardian.appliance.disks import Disk
from guardian.appliance.screen import SCREENS, Screen
from guardian.appliance.writing import Payload
from guardian.common import gpt, seed_image, seed_region
from guardian.common import seed as seeds
from guardian.common.errors import GuardianError

FILES = Path("/run/image/medium")
WORD = "ERASE"
_SECONDS = 10
# For an answer to what has one already, in seconds.
_PATIENCE = 60


def main() -> None:
    """Exit status 1 when nothing was installed: the screen says why."""
    parser = argparse.ArgumentParser(prog="guardian-install", description=__doc__)
    parser.add_argument("--disk", default="", help="where to; else the fastest internal one, of several the largest")
    given = parser.parse_args()
    with Screen(SCREENS) as screen:
        try:
            install(screen, given.disk)
        except (GuardianError, OSError, subprocess.SubprocessError) as error:
            # A stick or disk that breaks says so by an error of the kernel's: nobody here reads a journal.
            screen.say()
            screen.say(f"  {error}")
            screen.say("  Nothing more happens here. Switch the machine off.")
            sys.exit(1)


def install(screen: Screen, wanted: str) -> None:
    """All of it, up to the restart."""
    screen.say()
    screen.say("  Private AI Guardian: installation")
    screen.say("  ---------------------------------")
    device = ours.MEDIUM.read_text(encoding="utf-8").strip()
    with whole(device) as file:
        table = gpt.read(file)
        check, place = table.of_type(medium.CHECK_TYPE), table.of_type(seed_region.PARTITION_TYPE)
        medium.verify(
            file, check.offset, place.offset + place.size, lambda part: screen.progress("Checking this medium", part)
        )
        raw = seed_of(file)
    seed = understood(raw, screen)
    encrypt = is_to_encrypt(seed, screen)
    payload = Payload.read(FILES)
    found = disks.read(device)
    screen.say(f"  Version {payload.version}. Disks of this machine:")
    for disk in found:
        screen.say(f"    {disk.said}  ({disks.why_not(disk) or disk.holds or 'empty'})")
    chosen = disks.choose(found, wanted)
    screen.say(f"  Installing to {chosen.said}")
    if chosen.holds and not (seed and seed.unattended):
        agree(screen, chosen)
    key = writing.write(chosen.path, payload, raw, screen.progress, encrypt=encrypt)
    if key and not (seed and seed.unattended):
        show(screen, key)
    screen.say()
    screen.say(f"  Done. Take the stick out; the machine restarts in {_SECONDS} seconds.")
    time.sleep(_SECONDS)
    # By force: what runs from the medium cannot let go of it, and all that was written is on the disk.
    subprocess.run(["systemctl", "reboot", "--force"], check=False)


def agree(screen: Screen, disk: Disk) -> None:
    """Until somebody types the word; nothing else wipes a disk that holds something."""
    screen.say(f"  {disk.path} holds {disk.holds}. All of it will be gone.")
    while not screen.agrees(WORD):
        screen.say("  Nothing was changed.")


def is_to_encrypt(seed: seeds.Seed | None, screen: Screen, tpms: Path = luks.TPMS) -> bool:
    """What the seed says; without one whoever stands there is asked, where there is a TPM 2.0 to encrypt to.

    Args:
        tpms: where the kernel lists them.

    Raises LuksError where the seed asks for what this machine cannot do.
    """
    if seed is not None:
        if seed.encrypt:
            luks.need_tpm(tpms)
            screen.say("  The data partition will be encrypted to this machine's TPM.")
        return seed.encrypt
    if not luks.has_tpm(tpms):
        return False
    screen.say(f"  Without an answer within {_PATIENCE} seconds the data partition is not encrypted.")
    question = "  Encrypt the data partition to this machine's TPM? [y/N] "
    return screen.ask(question, seconds=_PATIENCE).lower() in ("y", "yes")


def show(screen: Screen, key: str) -> None:
    """The recovery key, until somebody has it."""
    screen.say()
    screen.say("  The data partition's recovery key. It opens it when the TPM does not, as after a change of firmware:")
    screen.say()
    screen.say(f"      {luks.shown(key)}")
    screen.say()
    screen.say("  Write it down, and keep it apart from this machine. `guardian disk recovery-key` shows it again.")
    screen.ask("  Press Enter to go on. ")


@contextlib.contextmanager
def whole(device: str) -> Iterator[BinaryIO]:
    """The disk that a device is a partition of, or is itself, to be read."""
    with open(disks.whole(device), "rb") as file:
        yield file


def seed_of(file: BinaryIO) -> bytes:
    """The seed's region, as it is."""
    place = seed_region.find(file)
    file.seek(place.offset)
    return file.read(seed_region.SIZE)


def understood(raw: bytes, screen: Screen) -> seeds.Seed | None:
    """What the seed says, None for a medium without one; a damaged, foreign or expired one is an error."""
    if seed_region.read(raw) is None:
        screen.say("  There is no seed on this medium: the edge will wait for one.")
        return None
    image = seed_image.Image()
    payload = seed_region.unpack(raw, seed_image.read_id(image.image_id), seed_image.trusted(image.keys))
    seed = seeds.parse(payload or b"")
    seeds.refuse_expired(seed)
    screen.say(f"  The seed is for {seed.name or 'an edge without a name'}.")
    return seed
