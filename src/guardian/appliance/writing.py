"""Write a system to a disk. Its kernel comes last, when all else was read back.

GRUB comes first, and on a disk whose writing was cut short it finds no kernel and says what to do.
"""

import hashlib
import json
import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from guardian.appliance import layout, luks, medium
from guardian.appliance.layout import KERNEL, MIB, SECTOR, SYSTEM
from guardian.appliance.mounts import mounted
from guardian.appliance.programs import run
from guardian.appliance.screen import Tell
from guardian.common.errors import GuardianError

_SECONDS = 120
# The payload's folder of what the boot partition holds, as it lies there.
_BOOT = "disk/boot"


class WriteError(GuardianError):
    """The disk did not take what was written."""


@dataclass(frozen=True)
class Payload:
    """A system's files on the medium, as its `guardian.json` lists them."""

    folder: Path
    files: dict[str, str]
    version: str

    @classmethod
    def read(cls, folder: Path) -> "Payload":
        """From a medium that was verified as a whole."""
        said = json.loads((folder / "guardian.json").read_text(encoding="utf-8"))
        return cls(folder, dict(said["files"]), str(said["version"]))

    def path(self, name: str) -> Path:
        """A file of it."""
        return self.folder / name

    def blocks(self, name: str) -> Iterator[bytes]:
        """What a file of it holds; MediumError `medium_lost` where the medium gives it no more."""
        try:
            with self.path(name).open("rb") as file:
                while block := file.read(medium.BLOCK):
                    yield block
        except OSError as error:
            raise medium.lost(error) from error

    def lay(self, name: str, target: Path) -> None:
        """A copy of a file of it."""
        with target.open("wb") as file:
            file.writelines(self.blocks(name))

    @property
    def on_boot(self) -> list[str]:
        """What the boot partition holds, by its places there, but for slot A's kernel."""
        places = [name.removeprefix(f"{_BOOT}/") for name in self.files if name.startswith(f"{_BOOT}/")]
        return [place for place in places if not place.startswith("A/")]


def write(disk: str, payload: Payload, seed: bytes, tell: Tell, *, encrypt: bool = False) -> str:
    """Make `disk` a disk of ours that starts slot A. All that was on it is gone.

    Args:
        seed: the seed's region, as the medium has it.
        tell: is told what is done, and how much of it, 0 to 1.
        encrypt: the data partition, to this machine's TPM.

    Returns the recovery key of what is encrypted, else ''.
    """
    tell("Taking away what the disk held", 0)
    _blank(disk)
    _run("sfdisk", "--quiet", "--wipe=always", "--wipe-partitions=always", disk, text=layout.script())
    _run("udevadm", "settle", "--timeout=20")
    slot, boot = layout.device(disk, layout.SLOTS["A"]), layout.device(disk, layout.BOOT)
    _await(slot)
    _run(*layout.make_boot(boot))
    _put_grub(payload, disk)
    _copy(payload, slot, lambda part: tell("Writing the system", part))
    tell("Making the place of recordings", 0)
    data, key = layout.device(disk, layout.DATA), ""
    if encrypt:
        key = luks.make_data(Path(data))
    else:
        # Nothing may be taken for the header of an encrypted one that lay here before.
        luks.destroy(Path(data))
        _run(*layout.make_data(data))
    _put(layout.device(disk, layout.SEED), seed)
    with mounted(boot, "vfat", "rw") as there:
        for name in KERNEL:
            payload.lay(f"{_BOOT}/A/{name}", there / "A" / layout.aside(name))
    _check(payload, disk, slot, tell)
    tell("Making it start", 0)
    with mounted(boot, "vfat", "rw") as there:
        layout.give_kernel(there / "A")
    tell("Making it start", 1)
    return key


def _put_grub(payload: Payload, disk: str) -> None:
    """All of the boot partition but a kernel, and GRUB for BIOS in the first partition and then before the table."""
    with mounted(layout.device(disk, layout.BOOT), "vfat", "rw") as boot:
        for folder in layout.SLOTS:
            (boot / folder).mkdir()
        for place in payload.on_boot:
            (boot / place).parent.mkdir(parents=True, exist_ok=True)
            payload.lay(f"{_BOOT}/{place}", boot / place)
    first = int(Path(f"/sys/class/block/{Path(layout.device(disk, layout.BIOS)).name}/start").read_text())
    core, head = (b"".join(payload.blocks(f"disk/{name}.img")) for name in ("core", "boot"))
    core, head = bios(core, head, first)
    _put(layout.device(disk, layout.BIOS), core)
    _put(disk, head)


def _check(payload: Payload, disk: str, slot: str, tell: Tell) -> None:
    """Read back what lies on the disk now, not what memory remembers of it."""
    size = payload.path(SYSTEM).stat().st_size
    medium.forget(Path(slot))
    with open(slot, "rb") as device:
        found = medium.digest(device, size, lambda part: tell("Reading it back", part))
    if found != payload.files[SYSTEM]:
        raise _refused(disk)
    places = {place: place for place in payload.on_boot} | {f"A/{name}": f"A/{layout.aside(name)}" for name in KERNEL}
    with mounted(layout.device(disk, layout.BOOT), "vfat", "ro") as boot:
        for place, now in places.items():
            medium.forget(boot / now)
            digest = hashlib.sha256((boot / now).read_bytes()).hexdigest()
            if digest != payload.files[f"{_BOOT}/{place}"]:
                raise _refused(disk)


def bios(core: bytes, head: bytes, first: int) -> tuple[bytes, bytes]:
    """GRUB's core and the code before the table, each told where the next is; `first`: the core's sector."""
    image = bytearray(core)
    sectors = -(-len(image) // SECTOR)
    # The last entry of the core's first sector: where the rest of it lies, how much, and where it goes in memory.
    struct.pack_into("<QHH", image, SECTOR - 12, first + 1, sectors - 1, 0x820)
    code = bytearray(head[:440])
    struct.pack_into("<Q", code, 0x5C, first)
    # Go on from whichever drive the firmware started, and do not ask it for floppies.
    code[0x64] = 0xFF
    code[0x66:0x68] = b"\x90\x90"
    return bytes(image), bytes(code)


def _blank(disk: str) -> None:
    """No table, no code, no copy of a table: the disk starts nothing of what it held."""
    with open(disk, "r+b", buffering=0) as device:
        size = device.seek(0, os.SEEK_END)
        for offset in (0, size - 2 * MIB):
            device.seek(offset)
            _all(device, bytes(2 * MIB))
        os.fsync(device.fileno())


def _copy(payload: Payload, target: str, tell: Callable[[float], None]) -> None:
    """The system into its slot."""
    size, done = payload.path(SYSTEM).stat().st_size, 0
    with open(target, "r+b", buffering=0) as device:
        if size > device.seek(0, os.SEEK_END):
            raise WriteError("The system does not fit into its slot.", reason="slot_too_small")
        device.seek(0)
        for part in payload.blocks(SYSTEM):
            _all(device, part)
            done += len(part)
            tell(done / size)
        os.fsync(device.fileno())


def _put(target: str, data: bytes) -> None:
    """At a device's beginning; read back from there, for nothing else looks at it before it is needed."""
    with open(target, "r+b", buffering=0) as device:
        _all(device, data)
    medium.forget(Path(target))
    with open(target, "rb") as device:
        if device.read(len(data)) != data:
            raise _refused(target)


def _all(device: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[device.write(view) :]


def _await(path: str) -> None:
    end = time.monotonic() + _SECONDS
    while not Path(path).is_block_device():
        if time.monotonic() > end:
            raise WriteError(f"{path} did not appear after the disk was partitioned.", reason="disk_refused")
        time.sleep(0.1)


def _run(*command: str, text: str = "") -> None:
    run(*command, text=text, hint="The disk may be broken. It starts nothing; install to another one.")


def _refused(disk: str) -> WriteError:
    return WriteError(
        f"{disk} does not hold what was written to it.",
        reason="disk_refused",
        hint="The disk is broken. It starts nothing; install to another one.",
    )
