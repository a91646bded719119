"""What UEFI starts: the distribution's signed shim and GRUB, as the baked tree has them, and where that GRUB looks."""

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

from tools.image import grub
from tools.lab.places import Refused

# In the tree; roles/appliance/files/uefi.sh fills it.
FOLDER = "usr/lib/guardian-appliance/uefi"
_GRUB = "grubx64.efi"
# What UEFI starts: the distribution's shim, which starts its GRUB beside it.
FIRST = "EFI/BOOT/BOOTX64.EFI"
_NAMES = (Path(FIRST).name, _GRUB, "mmx64.efi")
# How the list of what is built into a GRUB begins: its mark, then where its first entry lies behind that.
_LIST = b"mimg\0\0\0\0" + struct.pack("<Q", 24)
_MODULE, _PREFIX = 0, 3


def files(tree: Path, into: Path, text: str) -> None:
    """Lay out `into` as a partition that UEFI starts from; `text` is what GRUB does first, in its own language."""
    start = into / Path(FIRST).parent
    start.mkdir(parents=True)
    for name in _NAMES:
        shutil.copyfile(tree / FOLDER / name, start / name)
    tell(into, text, into)


def tell(into: Path, text: str, root: Path) -> None:
    """Have the GRUB that lies in `into` do `text` first, when `root` is what it was started from."""
    place = root / looks_in(into / Path(FIRST).with_name(_GRUB)) / "grub.cfg"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="ascii")


def looks_in(program: Path) -> str:
    """The folder in which a GRUB looks for its configuration, such as EFI/debian. It has all modules that we need."""
    try:
        found = list(_built_in(program.read_bytes()))
    except (ValueError, IndexError, struct.error):
        raise Refused(f"{program} is no GRUB that we know.") from None
    lost = set(grub.COMMON.split()) - {_name(body) for kind, body in found if kind == _MODULE}
    if lost:
        # With Secure Boot it loads none besides.
        raise Refused(f"{program} has no {', '.join(sorted(lost))} built in: what it starts would not start.")
    (prefix,) = (body for kind, body in found if kind == _PREFIX)
    return prefix.rstrip(b"\0").decode("ascii").strip("/")


def _built_in(program: bytes) -> Iterator[tuple[int, bytes]]:
    """Each entry's kind and content."""
    place = program.index(_LIST)
    (size,) = struct.unpack_from("<Q", program, place + 16)
    at, end = place + 24, place + size
    while at < end:
        kind, length = struct.unpack_from("<II", program, at)
        if not 8 <= length <= end - at:
            raise ValueError("an entry that does not fit")
        yield kind, program[at + 8 : at + length]
        at += length


def _name(module: bytes) -> str:
    """What a module, an ELF file of 64 bits, says of itself in its section .modname."""
    (table,) = struct.unpack_from("<Q", module, 40)
    size, count, names = struct.unpack_from("<HHH", module, 58)
    sections = [struct.unpack_from("<IIQQQQ", module, table + number * size) for number in range(count)]
    titles = sections[names][4]
    for title, _, _, _, offset, length in sections:
        if module[titles + title :].startswith(b".modname\0"):
            return module[offset : offset + length].rstrip(b"\0").decode("ascii")
    return ""
