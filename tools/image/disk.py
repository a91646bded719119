"""The raw image: the disk as the installer would leave it, put together without mounting anything."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.image import grub, uefi
from tools.image.slot import Slot
from tools.lab.places import ROOT

from guardian.appliance import grubenv, layout, slots, writing
from guardian.common import seed_region

CFG = ROOT / "packer" / "grub.cfg"
# From where the signed GRUB looks to where all else of the boot partition is, for UEFI and BIOS alike.
_CHAIN = """set prefix=($root)/grub
configfile ($root)/grub/grub.cfg
"""


def pieces(tree: Path, into: Path) -> None:
    """What starts a disk, beside kernel and system: for BIOS, and in `boot` what the boot partition holds.

    Args:
        tree: the baked root file system, which has what UEFI starts.
    """
    shutil.rmtree(into, ignore_errors=True)
    uefi.files(tree, into / "boot", _CHAIN)
    grub.bios(into / "core.img", f"(,gpt{layout.BOOT.number})/grub")
    (into / "boot.img").write_bytes(grub.part("boot.img"))
    (into / "boot/grub").mkdir()
    (into / "boot/grub/grub.cfg").write_bytes(CFG.read_bytes())
    (into / "boot" / grubenv.PLACE).write_bytes(grubenv.pack(slots.Words().said()))


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
    """FAT with what UEFI starts, GRUB's configuration and environment, and slot A's kernel."""
    with target.open("wb") as file:
        file.truncate(layout.BOOT.size)
    run(*layout.make_boot(str(target)))
    run("mcopy", "-s", "-i", str(target), *map(str, sorted((parts / "boot").iterdir())), "::/")
    for folder in layout.SLOTS:
        run("mmd", "-i", str(target), f"::/{folder}")
    for name, source in slot.starters.items():
        run("mcopy", "-i", str(target), str(source), f"::/A/{name}")


def write(source: Path, target: Path, offset: int) -> None:
    """Copy a file into a part of another; what is empty stays a hole."""
    words = ["bs=64K", f"seek={offset >> 16}", "conv=notrunc,sparse", "status=none"]
    if offset % (64 << 10):
        raise ValueError("a partition does not begin at a multiple of 64 KiB")
    run("dd", f"if={source}", f"of={target}", *words)


def run(*command: str, text: str = "") -> None:
    """Or CalledProcessError, with what it said on the screen."""
    subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL)
