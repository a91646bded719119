"""A machine with two slots as a folder: its disk's partitions and its boot partition are files."""

import io
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.appliance import grubenv
from guardian.appliance.slots import Host, Words
from guardian.common import bundle

KEY = Ed25519PrivateKey.generate()
PUBLIC = [KEY.public_key().public_bytes_raw()]
SYSTEM = 3 * bundle.BLOCK + 7


@dataclass(frozen=True)
class Machine(Host):
    """`folder/disk4` is slot B's partition, and so on."""

    folder: Path = field(default=Path("/nonexistent"))

    @property
    def disk(self) -> str:
        return str(self.folder / "disk")

    def starts(self, slot: str) -> None:
        """As GRUB and the initial RAM disk have it; it is on trial where GRUB's words say so."""
        (self.image / "slot").write_text(f"{slot}\n")
        self.told.write_text(f"ro guardian.slot={slot} guardian.trial={int(self.words().trial == slot)} quiet\n")


class Cut(io.BytesIO):
    """A file that can be read for so many bytes, until the power goes."""

    def __init__(self, data: bytes, left: int) -> None:
        super().__init__(data)
        self.left = left

    def read(self, size: int | None = -1) -> bytes:
        got = super().read(size)
        self.left -= len(got)
        if self.left < 0:
            raise OSError("the power went")
        return got


def machine(folder: Path) -> Machine:
    """One that was installed, and runs slot A."""
    for name in ("image", "boot/grub", "boot/A", "boot/B"):
        (folder / name).mkdir(parents=True)
    for number in (3, 4):
        (folder / f"disk{number}").write_bytes(bytes(4 * bundle.BLOCK))
    (folder / "boot/A/vmlinuz").write_bytes(b"the first kernel")
    (folder / "boot/A/initrd.img").write_bytes(b"the first RAM disk")
    (folder / "boot/grub/grubenv").write_bytes(grubenv.pack(Words().said()))
    made = Machine(
        folder / "image", folder / "state", told=folder / "cmdline", boot_folder=folder / "boot", folder=folder
    )
    made.starts("A")
    return made


def update(folder: Path, version: str = "1.1.0", kind: str = "edge") -> Path:
    """A bundle whose parts are small."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"system.squashfs": os.urandom(SYSTEM), "vmlinuz": b"kernel " + version.encode(), "initrd.img": b"RAM disk"}
    for name, data in parts.items():
        (folder / name).write_bytes(data)
    path = folder / f"{version}.update"
    bundle.make(path, kind, version, "2026-11-27T00:00:00Z", {name: folder / name for name in parts}, KEY)
    return path
