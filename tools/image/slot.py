"""A system's slot: the tree as one compressed file, with the kernel and the initial RAM disk that start it."""

from dataclasses import dataclass
from pathlib import Path

from tools.image import progress
from tools.lab.places import Refused

from guardian.appliance import layout


@dataclass(frozen=True)
class Slot:
    """What is written into slot A or B: the file system, and on the boot partition kernel and RAM disk."""

    system: Path
    kernel: Path
    initrd: Path

    @classmethod
    def of(cls, folder: Path) -> "Slot":
        """A slot whose files lie in one folder, each by its own name."""
        return cls(folder / layout.SYSTEM, *(folder / name for name in layout.KERNEL))

    @property
    def starters(self) -> dict[str, Path]:
        """Kernel and RAM disk by their names on the boot partition."""
        return dict(zip(layout.KERNEL, (self.kernel, self.initrd), strict=True))


def make(tree: Path, into: Path, level: int = 3) -> Slot:
    """Of a baked tree: seconds at a low level, for a build that is tried; minutes at a high one, for others."""
    into.mkdir(parents=True, exist_ok=True)
    slot = Slot.of(into)
    for target, pattern in ((slot.kernel, "vmlinuz-*"), (slot.initrd, "initrd.img-*")):
        found = sorted((tree / "boot").glob(pattern))
        if len(found) != 1:
            raise Refused(f"A system has one kernel; this one has {len(found)} of {pattern}.")
        target.write_bytes(found[0].read_bytes())
    slot.system.unlink(missing_ok=True)
    progress.run(
        "mksquashfs",
        str(tree),
        str(slot.system),
        *("-comp", "zstd", "-Xcompression-level", str(level)),
        *("-noappend", "-xattrs"),
        # The same tree makes the same file.
        *("-reproducible", "-mkfs-time", "0"),
        *("-wildcards", "-e", "boot/*"),
    )
    size, room = slot.system.stat().st_size, layout.SLOTS["A"].size
    if size > room:
        raise Refused(f"The system has {size >> 20} MiB and a slot {room >> 20}: bake less into it, or say --level 19.")
    return slot
