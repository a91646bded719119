"""GRUB for BIOS, made of the modules that Debian brings. That for UEFI comes signed (tools/image/uefi.py)."""

import subprocess
from pathlib import Path

_MODULES = Path("/usr/lib/grub/i386-pc")
# What packer/grub.cfg and packer/installer.cfg use, of the signed GRUB too, which loads none that is not built in.
COMMON = (
    "part_gpt fat iso9660 normal configfile linux loadenv test true echo probe regexp search search_fs_file "
    "search_label serial terminal all_video reboot halt sleep minicmd"
)
_OF_BIOS = "biosdisk vbe vga"


def bios(target: Path, prefix: str, early: Path | None = None) -> None:
    """GRUB's core, looking for its configuration in `prefix` or doing first what `early` says; its start is apart."""
    chosen = ["--config", str(early)] if early else []
    words = [*COMMON.split(), *_OF_BIOS.split()]
    subprocess.run(
        ["grub-mkimage", "-O", "i386-pc", "-o", str(target), "-p", prefix, *chosen, *words],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def part(name: str) -> bytes:
    """One of GRUB's small beginnings for BIOS, such as boot.img."""
    return (_MODULES / name).read_bytes()
