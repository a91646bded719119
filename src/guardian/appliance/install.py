"""`guardian-install`: from the medium to the disk, in words a person can follow on the screen and on a serial line."""

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


class InstallError(GuardianError):
    """A device or a program of the system failed."""


@dataclass(frozen=True)
class Plan:
    """What is installed where, when all was looked at and whoever had to be asked agreed.

    Attributes:
        seed: the seed's region, as the medium has it.
        encrypt: the data partition, to this machine's TPM.
        unattended: nobody stands there.
    """

    disk: Disk
    payload: Payload
    seed: bytes
    encrypt: bool
    unattended: bool


def main() -> None:
    """Exit status 1 when nothing was installed: the screen says why."""
    argparse.ArgumentParser(prog="guardian-install", description=__doc__).parse_args()
    with Screen(SCREENS) as screen:
        try:
            install(screen)
        except GuardianError as error:
            screen.say()
            screen.say(f"  {error}")
            screen.say("  Nothing more happens here. Switch the machine off.")
            sys.exit(1)


def install(screen: Screen) -> None:
    """All of it, up to the restart."""
    screen.say()
    screen.say("  Private AI Guardian: installation")
    screen.say("  ---------------------------------")
    with explained("No disk was touched.", "Start anew; if that does not help, from another stick."):
        plan = prepared(screen)
    with explained(f"{plan.disk.path} was being written to: what it held is lost.", "Install anew, to another disk."):
        key = writing.write(plan.disk.path, plan.payload, plan.seed, screen.progress, encrypt=plan.encrypt)
    if key and not plan.unattended:
        show(screen, key)
    screen.say()
    screen.say(f"  Done. Take the stick out; the machine restarts in {_SECONDS} seconds.")
    time.sleep(_SECONDS)
    # By force: what runs from the medium cannot let go of it, and all that was written is on the disk.
    subprocess.run(["systemctl", "reboot", "--force"], check=False)


def prepared(screen: Screen) -> Plan:
    """Look at the medium, its seed and the disks, and ask; nothing is written to."""
    device = ours.MEDIUM.read_text(encoding="utf-8").strip()
    with medium.sound():
        raw = checked_seed(device, screen)
        payload = Payload.read(FILES)
    seed = understood(raw, screen)
    encrypt = is_to_encrypt(seed, screen)
    unattended = seed is not None and seed.unattended
    found = disks.read(device)
    screen.say(f"  Version {payload.version}. Disks of this machine:")
    for disk in found:
        screen.say(f"    {disk.said}  ({disks.why_not(disk) or disk.holds or 'empty'})")
    chosen = disks.choose(found)
    screen.say(f"  Installing to {chosen.said}")
    if chosen.holds and not unattended:
        agree(screen, chosen)
    return Plan(chosen, payload, raw, encrypt, unattended)


@contextlib.contextmanager
def explained(state: str, hint: str) -> Iterator[None]:
    """A device that breaks and a program that hangs end in a sentence: nobody here reads a journal.

    Args:
        state: what became of the disks, a sentence.
    """
    try:
        yield
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise InstallError(f"{place}{error.strerror or error}. {state}", reason="device_failed", hint=hint) from error
    except subprocess.TimeoutExpired as error:
        said = f"{_program(error.cmd)} did not end within {error.timeout:.0f} seconds. {state}"
        raise InstallError(said, reason="program_failed", hint=hint) from error
    except subprocess.CalledProcessError as error:
        said = f"{_program(error.cmd)} failed with status {error.returncode}. {state}"
        raise InstallError(said, reason="program_failed", hint=hint) from error


def _program(command: str | Sequence[str]) -> str:
    return command if isinstance(command, str) else str(command[0])


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


def checked_seed(device: str, screen: Screen) -> bytes:
    """The seed's region of a medium that was looked at as a whole.

    Args:
        device: the medium, or a partition of it.
    """
    with open(disks.whole(device), "rb") as file:
        table = gpt.read(file)
        check, place = table.of_type(medium.CHECK_TYPE), seed_region.find(file)
        behind = place.offset + seed_region.SIZE
        medium.verify(file, check.offset, behind, lambda part: screen.progress("Checking this medium", part))
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
