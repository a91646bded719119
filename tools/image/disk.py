"""The raw image: the disk as the installer would leave it, put together without mounting anything."""

import json
import subprocess
import tempfile
from pathlib import Path

from tools.image import grub
from tools.image.slot import Slot
from tools.lab.places import ROOT

from guardian.appliance import grubenv, layout, slots, writing
from guardian.common import seed_region

CFG = ROOT / "packer" / "grub.cfg"


def pieces(into: Path) -> None:
    """What starts a disk, beside kernel and system: GRUB for UEFI and BIOS, its configuration and environment."""
    into.mkdir(parents=True, exist_ok=True)
    grub.uefi(into / "bootx64.efi", "/grub")
    grub.bios(into / "core.img", f"(,gpt{layout.BOOT.number})/grub")
    (into / "boot.img").write_bytes(grub.part("boot.img"))
    (into / "grub.cfg").write_bytes(CFG.read_bytes())
    (into / "grubenv").write_bytes(grubenv.pack(slots.Words().said()))


def make(slot: Slot, parts: Path, target: Path, image_id: str) -> None:
    """A raw image with `slot` as A, an empty B and no seed. The file is sparse.

    Args:
        parts: the folder that `pieces` filled.
        image_id: the disk's id, a UUID: a seed is signed for it.
    """
    with target.open("wb") as file:
        file.truncate(layout.SMALLEST)
    text = layout.script(layout.SMALLEST_DATA, image_id)
    run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(target), text=text)
    told = subprocess.run(["sfdisk", "--json", str(target)], stdout=subprocess.PIPE, check=True).stdout
    starts = [int(item["start"]) for item in json.loads(told)["partitiontable"]["partitions"]]
    offsets = {part.number: start * layout.SECTOR for part, start in zip(layout.ALL, starts, strict=True)}
    with tempfile.TemporaryDirectory(prefix="gdn-disk-") as name:
        scratch = Path(name)
        boot_partition(slot, parts, scratch / "boot")
        with (scratch / "data").open("wb") as file:
            file.truncate(layout.SMALLEST_DATA)
        run(*layout.make_data(str(scratch / "data")))
        write(scratch / "boot", target, offsets[layout.BOOT.number])
        write(slot.system, target, offsets[layout.SLOTS["A"].number])
        write(scratch / "data", target, offsets[layout.DATA.number])
    first = starts[layout.BIOS.number - 1]
    core, head = writing.bios((parts / "core.img").read_bytes(), (parts / "boot.img").read_bytes(), first)
    with target.open("r+b") as file:
        for offset, content in (
            (offsets[layout.BIOS.number], core),
            (offsets[layout.SEED.number], seed_region.empty()),
            (0, head),
        ):
            file.seek(offset)
            file.write(content)


def boot_partition(slot: Slot, parts: Path, target: Path) -> None:
    """FAT with GRUB for UEFI, its configuration and environment, and slot A's kernel."""
    with target.open("wb") as file:
        file.truncate(layout.BOOT.size)
    run(*layout.make_boot(str(target)))
    for folder in ("EFI", "EFI/BOOT", "grub", "A", "B"):
        run("mmd", "-i", str(target), f"::/{folder}")
    for source, place in (
        (parts / "bootx64.efi", "EFI/BOOT/BOOTX64.EFI"),
        (parts / "grub.cfg", "grub/grub.cfg"),
        (parts / "grubenv", grubenv.PLACE),
        *((source, f"A/{name}") for name, source in slot.starters.items()),
    ):
        run("mcopy", "-i", str(target), str(source), f"::/{place}")


def write(source: Path, target: Path, offset: int) -> None:
    """Copy a file into a part of another; what is empty stays a hole."""
    words = ["bs=64K", f"seek={offset >> 16}", "conv=notrunc,sparse", "status=none"]
    if offset % (64 << 10):
        raise ValueError("a partition does not begin at a multiple of 64 KiB")
    run("dd", f"if={source}", f"of={target}", *words)


def run(*command: str, text: str = "") -> None:
    """Or CalledProcessError, with what it said on the screen."""
    subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL)
