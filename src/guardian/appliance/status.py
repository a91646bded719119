"""What a rescue says of a disk: partitions, slots, file system, space, recordings, enrolment. Nothing is written."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from guardian.appliance import grubenv, layout, luks, reset
from guardian.appliance.layout import STATE
from guardian.appliance.mounts import mounted
from guardian.appliance.ours import Ours
from guardian.common import gpt, seed_region
from guardian.common.errors import GuardianError
from guardian.common.failures import note
from guardian.common.files import folder_below, names_below, open_plain

# Replaying the journal is writing: as it lies there.
LOOK = "ro,noload"
_CHECK_SECONDS = 1800
_MOST = 64 << 10
_FAILURES = 5


@dataclass(frozen=True)
class Line:
    """One of the report's lines."""

    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.title:<14}{self.text}"


def look(ours: Ours, decrypted: Path | None) -> Iterator[Line]:
    """All that can be said, each line when it is known; what cannot be read is said in its place.

    Args:
        decrypted: what the data's file system lies on; None where it could not be opened.
    """
    yield Line("Disk", ours.said)
    abouts: tuple[tuple[str, Callable[[], Iterator[Line]]], ...] = (
        ("Partitions", lambda: _table(ours)),
        ("Start", lambda: _boot(ours)),
        ("Slots", lambda: _slots(ours)),
        ("Seed", lambda: _seed(ours)),
        ("Data", lambda: _data(ours, decrypted)),
    )
    for title, about in abouts:
        try:
            yield from about()
        except (GuardianError, OSError) as error:
            yield Line(title, f"cannot be read: {error}")


def _table(ours: Ours) -> Iterator[Line]:
    with open(ours.path, "rb") as file:
        yield from of_table(file)


def _boot(ours: Ours) -> Iterator[Line]:
    with mounted(ours.device(layout.BOOT), "vfat", "ro") as boot:
        yield from of_boot(boot)


def _slots(ours: Ours) -> Iterator[Line]:
    for name, part in layout.SLOTS.items():
        yield of_slot(name, Path(ours.device(part)))


def _seed(ours: Ours) -> Iterator[Line]:
    yield of_seed(Path(ours.device(layout.SEED)))


def _data(ours: Ours, decrypted: Path | None) -> Iterator[Line]:
    device = Path(ours.device(layout.DATA))
    encrypted = luks.is_luks(device)
    if encrypted and decrypted is None:
        yield Line("Data", "encrypted, and not opened: nothing of it is known")
        return
    yield Line("Encryption", "LUKS2, opened" if encrypted else "none")
    yield from of_file_system(decrypted or device)
    with mounted(str(decrypted or device), "ext4", LOOK) as data:
        yield from of_data(data)


def of_table(file: BinaryIO) -> Iterator[Line]:
    """Whether the table is whole, and its partitions those of the layout."""
    found = {entry.name: entry for entry in gpt.read(file).entries}
    faults = []
    for part in layout.ALL:
        entry = found.get(part.name)
        if entry is None:
            faults.append(f"{part.name} is missing")
        elif str(entry.type).upper() != part.type or part.size not in (0, entry.size):
            faults.append(f"{part.name} is not as it was made")
    yield Line("Partitions", "; ".join(faults) or "all there, as they were made")


def of_boot(boot: Path) -> Iterator[Line]:
    """Which slot starts, what came of a trial, and whether a reset was cut off."""
    words = grubenv.read(boot / grubenv.PLACE)
    text = f"slot {words.get('good') or '?'} is in force"
    if words.get("trial"):
        text += f", slot {words['trial']} is on trial, {words.get('left') or '?'} starts are left to it"
    yield Line("Start", text)
    if words.get("verdict"):
        yield Line("Last trial", words["verdict"].replace("_", " "))
    for name in layout.SLOTS:
        lost = [file for file in layout.KERNEL if not (boot / name / file).is_file()]
        if lost:
            yield Line(f"Slot {name}", f"has no {' and no '.join(lost)}")
    if reset.asked(boot) is not None:
        yield Line("Reset", "one was begun and cut off; it goes on at the next start")


def of_slot(name: str, device: Path) -> Line:
    """Whether a system lies in it."""
    with device.open("rb") as file:
        return Line(f"Slot {name}", "holds a system" if file.read(4) == layout.SQUASHFS else "empty")


def of_seed(device: Path) -> Line:
    """Whether a seed waits to be taken."""
    with device.open("rb") as file:
        content = seed_region.read(file.read(seed_region.SIZE))
    return Line("Seed", "none" if content is None else "one lies there and was not taken yet")


def of_file_system(device: Path) -> Iterator[Line]:
    """What e2fsck finds without changing anything."""
    try:
        done = subprocess.run(
            ["e2fsck", "-f", "-n", str(device)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=_CHECK_SECONDS,
        )
    except subprocess.TimeoutExpired:
        yield Line("File system", "the check took too long and was ended")
        return
    # Its last words repeat the first fault's: the first ones say more. Above them are its name and the passes.
    heads = ("e2fsck ", "Pass ")
    said = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith(heads)]
    if "skipping journal recovery" in done.stdout:
        yield Line("File system", "was in use when the power went; faults below may be mended by the next start")
    yield Line("File system", "whole" if done.returncode == 0 else f"has faults: {'; '.join(said[:3])}")


def of_data(data: Path) -> Iterator[Line]:
    """What the data partition holds, mounted at `data`."""
    space = os.statvfs(data)
    free, size = space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize
    yield Line("Space", f"{free / 1e9:.1f} GB of {size / 1e9:.1f} GB are free")
    yield Line("Last clip", _moment(_newest_clip(data)))
    yield Line("Last event", _moment(max(_changed(data, "analyzer", f"events.db{end}") for end in ("", "-wal"))))
    yield Line("Enrolment", _enrolment(data))
    kept = [path.name for path in sorted((data / reset.KEPT).glob("*"))]
    if kept:
        yield Line("Kept clips", f"of resets at {', '.join(kept)}")
    # A link to elsewhere is refused before anything is read through it.
    with contextlib.suppress(OSError), folder_below(data, STATE / "failures"):
        for found in note.read_all(data / STATE / "failures")[:_FAILURES]:
            yield Line("Failure", f"{found.time:%Y-%m-%d %H:%M} UTC  {found.sentence}")


def _newest_clip(data: Path) -> float:
    """Modification time of the newest sealed clip of any camera; 0: there is none."""
    newest = 0.0
    for camera in names_below(data, STATE / "cameras"):
        days = names_below(data, STATE / "cameras" / camera / "clips")
        for day in days[-1:]:
            with contextlib.suppress(OSError), folder_below(data, STATE / "cameras" / camera / "clips" / day) as folder:
                for entry in os.scandir(folder):
                    if entry.name.endswith(".sealed"):
                        newest = max(newest, entry.stat(follow_symlinks=False).st_mtime)
    return newest


def _changed(data: Path, *inside: str) -> float:
    with contextlib.suppress(OSError), folder_below(data, STATE.joinpath(*inside[:-1])) as folder:
        return os.stat(inside[-1], dir_fd=folder, follow_symlinks=False).st_mtime
    return 0.0


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC" if seconds else "none"


def _enrolment(data: Path) -> str:
    try:
        with folder_below(data, STATE / "identity") as folder, open_plain("identity.json", folder=folder) as file:
            said = json.loads(file.read(_MOST))
        return f"enrolled as {str(said['name'])[:64]}, its node is {str(said['gateway'])[:300]}"
    except FileNotFoundError:
        return "not enrolled"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "its identity is damaged"
