"""Reset to factory, keeping recordings or erasing all. What was asked for is durable before it is done: it goes on.

It is a line in `reset` on the boot partition, taken away last. A start that finds it leaves the data partition alone
and has `guardian-reset.service` finish (roles/appliance/files/initramfs-script). Every step may be done twice.
"""

import contextlib
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePath

from guardian.appliance import grubenv, layout, luks
from guardian.appliance.programs import run
from guardian.appliance.screen import Tell
from guardian.appliance.slots import Words
from guardian.common import seed_image, seed_region
from guardian.common.errors import GuardianError
from guardian.common.files import OddFileError, folder_below, names_below, read_plain, sync_directory, write_atomic

PLACE = "reset"
KEPT = "kept-clips"
TRASH = "trash"
_LINE = re.compile(r"(keep|erase) ([0-9]{8}T[0-9]{6}Z)( encrypted)?\n")
# Not ours, and made again by e2fsck when it is not there; or of the partition itself, which stays.
_LEFT = {KEPT, TRASH, "lost+found", luks.KEPT_KEY}
_HOW_TO_OPEN = """\
Recordings of this machine from before it was reset. They are sealed: whoever has the disk cannot see them.
Each file is opened on any computer that has Private AI Guardian, with the household's secret:

    guardian clip open FILE.sealed --roster roster.json --slots slots.json --out picture.mp4

roster.json lies here if the machine had one. slots.json lies here if the household was begun on this machine;
otherwise it is what the control plane answers a member who is signed in at /api/v1/vault/slots.
After the reset the machine is another edge: it neither lists nor plays these recordings.
"""
_SECONDS = 3600


@dataclass(frozen=True)
class Order:
    """What somebody asked for. `date` names the folder of kept recordings: `20260131T080000Z`.

    `encrypted`: what is erased was, and will be again; its header, which said so, is the first that goes.
    """

    keeps_clips: bool
    date: str
    encrypted: bool = False


@dataclass(frozen=True)
class Machine:
    """What a reset works on. `data` mounts the data partition, to be written to, for as long as its block lasts."""

    boot: Path
    data_device: Path
    data: Callable[[], AbstractContextManager[Path]]
    seed: Path
    slots: dict[str, Path]


def ask(boot: Path, order: Order) -> None:
    """From here on it is to be done."""
    kind = "keep" if order.keeps_clips else "erase"
    words = [kind, order.date, *(["encrypted"] if order.encrypted else [])]
    write_atomic(boot / PLACE, f"{' '.join(words)}\n".encode("ascii"))


def asked(boot: Path) -> Order | None:
    """The order that is to be finished; None where there is none, or something else lies in its place."""
    try:
        match = _LINE.fullmatch(read_plain(boot / PLACE, 64).decode("ascii"))
    except (OSError, UnicodeDecodeError):
        return None
    return Order(match[1] == "keep", match[2], bool(match[3])) if match else None


def done(boot: Path) -> None:
    """There is nothing to be finished."""
    (boot / PLACE).unlink(missing_ok=True)
    sync_directory(boot)


def finish(machine: Machine, order: Order, tell: Tell) -> None:
    """Do what was asked, from wherever it was cut off; `tell` is called between any two steps."""
    if order.keeps_clips:
        with machine.data() as data:
            keep_clips(data, order, tell)
    elif order.encrypted:
        # Without its header nothing on it can be read, discarded or not.
        luks.destroy(machine.data_device)
        erase(machine.data_device, tell, encrypted=True)
    else:
        with contextlib.suppress(GuardianError, OSError), machine.data() as data:
            # Some disks cannot discard: what was written over cannot be read from them either.
            _shred(data, tell)
        erase(machine.data_device, tell)
    tell("Emptying the seed's place", 0)
    with machine.seed.open("r+b", buffering=0) as file:
        seed_image.write_region(file.fileno(), 0, seed_region.empty())
    tell("Taking back what was on trial", 0)
    first_words(machine)
    tell("Ending the reset", 1)
    done(machine.boot)


def keep_clips(data: Path, order: Order, tell: Tell) -> None:
    """Recordings go to `kept-clips/DATE`, everything else goes away."""
    what = "Setting recordings apart"
    tell(what, 0)
    trash = _folder(data / TRASH / order.date)
    # The system's folder is renamed in one step: a start that sees it sees all of it.
    for name in sorted(os.listdir(data)):
        if name not in _LEFT:
            os.replace(data / name, trash / name)
            sync_directory(data)
            tell(what, 0)
    for old in sorted((data / TRASH).iterdir()):
        for source, target in _recordings(old):
            _move(old, source, data / KEPT / old.name, target)
            tell(what, 0)
    tell(what, 1)
    _shred(data / TRASH, tell)
    _remove(data / TRASH, tell)
    # Tells the disk what is free now; not every disk can be told.
    subprocess.run(["fstrim", str(data)], capture_output=True, check=False, timeout=_SECONDS)


def erase(device: Path, tell: Tell, *, encrypted: bool = False) -> None:
    """Another file system, empty; the disk forgets the one before where it can."""
    what = "Erasing the data partition"
    tell(what, 0)
    subprocess.run(["blkdiscard", "--force", str(device)], capture_output=True, check=False, timeout=_SECONDS)
    tell(what, 0.5)
    if encrypted:
        luks.make_data(device)
    else:
        run(
            *layout.make_data(str(device)),
            hint="The disk is broken. Put in another one and install anew.",
            seconds=_SECONDS,
        )
    with device.open("rb") as file:
        os.fsync(file.fileno())
    tell(what, 1)


def first_words(machine: Machine) -> None:
    """No slot is on trial any more. The slot in force stays, unless it is empty: an older one would be a step back."""
    path = machine.boot / grubenv.PLACE
    try:
        words = Words.of(grubenv.read(path))
    except grubenv.GrubenvError:
        words = Words()
        grubenv.renew(path, words.said())
    whole = [name for name, device in machine.slots.items() if _is_whole(machine.boot, name, device)]
    good = words.good if words.good in whole or not whole else whole[0]
    grubenv.write(path, Words(good=good).said())


def _is_whole(boot: Path, name: str, device: Path) -> bool:
    with device.open("rb") as file:
        return file.read(4) == layout.SQUASHFS and all((boot / name / one).is_file() for one in layout.KERNEL)


def _recordings(old: Path) -> Iterator[tuple[PurePath, PurePath]]:
    """What is sealed, and the public lists that are needed to open it: from where to where."""
    for name in names_below(old, layout.STATE / "cameras"):
        yield layout.STATE / "cameras" / name / "clips", PurePath("cameras", name)
    yield layout.STATE / "analyzer" / "objects", PurePath("snapshots")
    yield layout.STATE / "uplink" / "roster.json", PurePath("roster.json")
    yield layout.STATE / "vault" / "slots.json", PurePath("slots.json")


def _move(old: Path, source: PurePath, kept: Path, target: PurePath) -> None:
    """By renaming; what is no folder or plain file, or not there, stays."""
    with contextlib.suppress(FileNotFoundError, OddFileError), folder_below(old, source.parent) as folder:
        kind = os.stat(source.name, dir_fd=folder, follow_symlinks=False).st_mode
        if not (stat.S_ISDIR(kind) or stat.S_ISREG(kind)):
            return
        if not (kept / "HOW-TO-OPEN.txt").exists():
            _folder(kept)
            write_atomic(kept / "HOW-TO-OPEN.txt", _HOW_TO_OPEN.encode("ascii"))
        to = _folder((kept / target).parent)
        os.replace(source.name, to / target.name, src_dir_fd=folder)
        sync_directory(to)


def _shred(root: Path, tell: Tell) -> None:
    """Write over what goes away, apart from what is sealed; no link is followed."""
    what = "Writing over what is not sealed"
    for _, _, names, folder in os.fwalk(root, follow_symlinks=False):
        tell(what, 0)
        for name in names:
            # What a broken disk does not take goes away all the same.
            if not name.endswith(".sealed"):
                with contextlib.suppress(OSError):
                    _overwrite(folder, name)
    os.sync()
    tell(what, 1)


def _overwrite(folder: int, name: str) -> None:
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        return
    file = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        left = os.fstat(file).st_size
        while left > 0:
            left -= os.write(file, bytes(min(left, 1 << 20)))
    finally:
        os.close(file)


def _remove(folder: Path, tell: Tell) -> None:
    what = "Taking away what was there"
    for path in sorted(folder.glob("*/*")):
        tell(what, 0)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.rmtree(folder)
    sync_directory(folder.parent)
    tell(what, 1)


def _folder(path: Path) -> Path:
    """A folder that root alone may enter, and those above it, durable."""
    if not path.is_dir():
        _folder(path.parent)
        path.mkdir(mode=0o700)
        sync_directory(path.parent)
    return path
