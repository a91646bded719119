"""The installer's medium: a hybrid ISO for UEFI and BIOS, stick and disc, with a checksum and a place for a seed."""

import json
import shutil
import struct
import tempfile
import uuid
import zlib
from pathlib import Path
from typing import BinaryIO

from tools.image import grub, progress, uefi
from tools.image.disk import run
from tools.image.slot import Slot
from tools.lab.places import ROOT
from tools.releasing.wheels import hash_of

from guardian.appliance import layout, medium
from guardian.common import gpt, seed_region

CFG = ROOT / "packer" / "installer.cfg"
LABEL = "GUARDIAN"
# By a file of this image alone: a stick made by hand, that brings a seed, has the same label.
_EARLY = f"""search --no-floppy --set=root --file /IMAGE
set label={LABEL}
export label
set prefix=($root)/boot/grub
configfile ($root)/boot/grub/grub.cfg
"""
_START_SIZE = 8 << 20
NAMES = {seed_region.PARTITION_TYPE: seed_region.PARTITION_NAME, medium.CHECK_TYPE: "guardian-check"}


def make(slot: Slot, parts: Path, target: Path, image_id: str, version: str) -> None:
    """The ISO of one system.

    Args:
        parts: the folder that `tools.image.disk.pieces` filled.
        image_id: the id of its table, a UUID: a seed is signed for it.
    """
    with tempfile.TemporaryDirectory(prefix="gdn-iso-", dir=target.parent) as folder:
        scratch = Path(folder)
        tree = scratch / "tree"
        shutil.copytree(parts, tree / "disk", copy_function=_link)
        (tree / "boot/grub").mkdir(parents=True)
        (tree / "disk/boot/A").mkdir()
        _link(slot.system, tree / layout.SYSTEM)
        for place, source in slot.starters.items():
            _link(source, tree / "boot" / place)
            _link(source, tree / "disk/boot/A" / place)
        (tree / "boot/grub/grub.cfg").write_bytes(CFG.read_bytes())
        listed = [tree / layout.SYSTEM, *sorted(path for path in (tree / "disk").rglob("*") if path.is_file())]
        files = {str(path.relative_to(tree)): hash_of(path) for path in listed}
        told = {"version": version, "image": image_id, "files": files}
        (tree / "guardian.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        (tree / image_id).touch()
        _starts(tree, parts, scratch, _EARLY.replace("IMAGE", image_id))
        for part, data in (("check", bytes(medium.CHECK_SIZE)), ("seed", seed_region.empty())):
            (scratch / part).write_bytes(data)
        _iso(tree, scratch, target)
    name(target, uuid.UUID(image_id))
    _finish(target)


def _starts(tree: Path, parts: Path, scratch: Path, first: str) -> None:
    """What the firmware starts: a small FAT for UEFI, a first file for BIOS."""
    early = scratch / "early.cfg"
    early.write_text(first, encoding="ascii")
    grub.bios(scratch / "core.img", "/boot/grub", early)
    (tree / "boot/bios.img").write_bytes(grub.part("cdboot.img") + (scratch / "core.img").read_bytes())
    start = scratch / "start"
    shutil.copytree(parts / "boot/EFI", start / "EFI")
    # A GRUB that was started from a disc looks on the disc, not in the small FAT.
    for place in (start, tree):
        uefi.tell(start, first, place)
    with (scratch / "efi").open("wb") as file:
        file.truncate(_START_SIZE)
    run("mkfs.vfat", "-n", "GDN-INSTALL", str(scratch / "efi"))
    run("mcopy", "-s", "-i", str(scratch / "efi"), str(start / "EFI"), "::/")


def _iso(tree: Path, scratch: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    words = [
        *("-as", "mkisofs", "-iso-level", "3", "-r", "-V", LABEL, "-o", str(target)),
        *("--grub2-mbr", "/usr/lib/grub/i386-pc/boot_hybrid.img", "-partition_offset", "16"),
        *("-b", "boot/bios.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info"),
        *("-no-pad", "-append_partition", "2", layout.BOOT.type, str(scratch / "efi")),
        *("-append_partition", "3", str(medium.CHECK_TYPE), str(scratch / "check")),
        *("-append_partition", "4", str(seed_region.PARTITION_TYPE), str(scratch / "seed")),
        "-appended_part_as_gpt",
        *("-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot"),
        str(tree),
    ]
    progress.run("xorriso", *words)


def name(target: Path, image_id: uuid.UUID) -> None:
    """Name disk and partitions, in the table and in its copy: xorriso cannot."""
    with target.open("r+b") as file:
        for header_at in (1, _copy_at(file)):
            _rename(file, header_at, image_id)


def _finish(target: Path) -> None:
    """Write the checksum of all that lies before it."""
    with target.open("r+b") as file:
        offset = gpt.read(file).of_type(medium.CHECK_TYPE).offset
        digest = medium.digest(file, offset)
        file.seek(offset)
        file.write(medium.pack(medium.Check(offset, digest)))


def _copy_at(file: BinaryIO) -> int:
    file.seek(gpt.SECTOR + 32)
    (sector,) = struct.unpack("<Q", file.read(8))
    return int(sector)


def _rename(file: BinaryIO, header_at: int, image_id: uuid.UUID) -> None:
    file.seek(header_at * gpt.SECTOR)
    header = bytearray(file.read(gpt.SECTOR))
    start, count, size = struct.unpack_from("<QII", header, 72)
    file.seek(start * gpt.SECTOR)
    table = bytearray(file.read(count * size))
    for place in range(0, len(table), size):
        found = NAMES.get(uuid.UUID(bytes_le=bytes(table[place : place + 16])))
        if found is not None:
            table[place + 56 : place + 128] = found.encode("utf-16-le").ljust(72, b"\0")
    header[56:72] = image_id.bytes_le
    struct.pack_into("<I", header, 88, zlib.crc32(table))
    struct.pack_into("<I", header, 16, 0)
    struct.pack_into("<I", header, 16, zlib.crc32(header[: struct.unpack_from("<I", header, 12)[0]]))
    file.seek(start * gpt.SECTOR)
    file.write(table)
    file.seek(header_at * gpt.SECTOR)
    file.write(header)


def _link(source: str | Path, target: str | Path) -> None:
    Path(target).hardlink_to(source)
