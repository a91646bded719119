"""The disk: GPT for UEFI and BIOS, two slots, one data partition, the seed's; put together without mounting anything."""

import json
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.image.slot import Slot
from tools.lab.places import ROOT

MIB = 1 << 20
SECTOR = 512
CFG = ROOT / "packer" / "grub.cfg"
GRUB = Path("/usr/lib/grub")
# As https://uapi-group.org's discoverable partitions name them, and ours for what they have no name for.
TYPES = {
    "bios": "21686148-6449-6E6F-744E-656564454649",
    "esp": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    "system": "B1A1D1E6-3F5B-4B8F-9C0E-5B1F0D6A7C11",
    "data": "4D21B016-B534-45C2-A9FB-5C16E091FD2D",
}
COMMON = "part_gpt fat normal configfile linux loadenv test echo probe regexp serial terminal all_video reboot halt sleep"


@dataclass(frozen=True)
class Part:
    """A partition: `name` is its label in the GPT; `size` in MiB."""

    name: str
    kind: str
    size: int


PARTS = [
    Part("guardian-bios", "bios", 1),
    Part("guardian-boot", "esp", 256),
    Part("guardian-a", "system", 1536),
    Part("guardian-b", "system", 1536),
    Part("guardian-data", "data", 512),
]


def make(slot: Slot, target: Path) -> None:
    """A raw image with `slot` as A and an empty B. The file is sparse."""
    offsets = table(target)
    with tempfile.TemporaryDirectory(prefix="gdn-disk-") as name:
        scratch = Path(name)
        boot = scratch / "boot.img"
        boot_partition(slot, boot, scratch)
        data = scratch / "data.img"
        with data.open("wb") as file:
            file.truncate(PARTS[4].size * MIB)
        run("mke2fs", "-q", "-t", "ext4", "-L", "guardian-data", "-m", "1", "-E", "lazy_itable_init=1", str(data))
        for number, content in ((1, boot), (2, slot.system), (4, data)):
            write(content, target, offsets[number])
        bios(target, offsets[0], scratch)


def table(target: Path) -> list[int]:
    """Write the GPT; where each partition begins, in bytes."""
    with target.open("wb") as file:
        file.truncate((sum(part.size for part in PARTS) + 2) * MIB)
    lines = ["label: gpt", "first-lba: 2048"]
    lines += [f"size={part.size}MiB, type={TYPES[part.kind]}, name={part.name}" for part in PARTS]
    run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(target), text="\n".join(lines))
    told = subprocess.run(["sfdisk", "--json", str(target)], stdout=subprocess.PIPE, check=True).stdout
    return [int(item["start"]) * SECTOR for item in json.loads(told)["partitiontable"]["partitions"]]


def boot_partition(slot: Slot, target: Path, scratch: Path) -> None:
    """FAT with GRUB for UEFI, its configuration and environment, and slot A's kernel."""
    with target.open("wb") as file:
        file.truncate(PARTS[1].size * MIB)
    run("mkfs.vfat", "-F", "32", "-n", "GDN-BOOT", str(target))
    efi = scratch / "bootx64.efi"
    run("grub-mkimage", "-O", "x86_64-efi", "-o", str(efi), "-p", "/grub", *COMMON.split(), "efi_gop", "search")
    run("grub-editenv", str(scratch / "grubenv"), "create")
    run("grub-editenv", str(scratch / "grubenv"), "set", "good=A", "trial=", "left=2", "verdict=")
    for folder in ("EFI", "EFI/BOOT", "grub", "A", "B"):
        run("mmd", "-i", str(target), f"::/{folder}")
    for source, place in (
        (efi, "EFI/BOOT/BOOTX64.EFI"),
        (CFG, "grub/grub.cfg"),
        (scratch / "grubenv", "grub/grubenv"),
        (slot.kernel, "A/vmlinuz"),
        (slot.initrd, "A/initrd.img"),
    ):
        run("mcopy", "-i", str(target), str(source), f"::/{place}")


def bios(target: Path, offset: int, scratch: Path) -> None:
    """GRUB for BIOS: its core in the first partition, its first sector before the table, each told where the next is."""
    core = scratch / "core.img"
    run("grub-mkimage", "-O", "i386-pc", "-o", str(core), "-p", "(,gpt2)/grub", *COMMON.split(), "biosdisk")
    image = bytearray(core.read_bytes())
    sectors = -(-len(image) // SECTOR)
    first = offset // SECTOR
    # The last entry of the core's first sector: where the rest of it lies, how much, and where it goes in memory.
    struct.pack_into("<QHH", image, SECTOR - 12, first + 1, sectors - 1, 0x820)
    head = bytearray((GRUB / "i386-pc" / "boot.img").read_bytes()[:440])
    struct.pack_into("<Q", head, 0x5C, first)
    # Go on from whichever drive the firmware started, not from what was there at build time.
    head[0x64] = 0xFF
    head[0x66:0x68] = b"\x90\x90"
    with target.open("r+b") as file:
        file.write(head)
        file.seek(offset)
        file.write(image)


def write(source: Path, target: Path, offset: int) -> None:
    """Copy a file into a part of another; what is empty stays a hole."""
    run(
        "dd", f"if={source}", f"of={target}", "bs=1M", f"seek={offset // MIB}", "conv=notrunc,sparse", "status=none"
    )


def run(*command: str, text: str = "") -> None:
    """Or CalledProcessError, with what it said on the screen."""
    subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL)
