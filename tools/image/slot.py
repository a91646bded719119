"""A system's slot: the tree as one compressed file, with the kernel and the initial RAM disk that start it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.lab.places import Refused


@dataclass(frozen=True)
class Slot:
    """What is written into slot A or B: the file system, and on the boot partition kernel and RAM disk."""

    system: Path
    kernel: Path
    initrd: Path


def make(tree: Path, into: Path, level: int = 3) -> Slot:
    """Of a baked tree: seconds at a low level, for a build that is tried; minutes at a high one, for others."""
    into.mkdir(parents=True, exist_ok=True)
    slot = Slot(into / "system.squashfs", into / "vmlinuz", into / "initrd.img")
    for target, pattern in ((slot.kernel, "vmlinuz-*"), (slot.initrd, "initrd.img-*")):
        found = sorted((tree / "boot").glob(pattern))
        if len(found) != 1:
            raise Refused(f"A system has one kernel; this one has {len(found)} of {pattern}.")
        target.write_bytes(found[0].read_bytes())
    slot.system.unlink(missing_ok=True)
    subprocess.run(
        [
            "mksquashfs",
            str(tree),
            str(slot.system),
            *("-comp", "zstd", "-Xcompression-level", str(level)),
            *("-noappend", "-no-progress", "-quiet", "-xattrs"),
            # The same tree makes the same file.
            *("-reproducible", "-mkfs-time", "0"),
            *("-wildcards", "-e", "boot/*"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return slot
