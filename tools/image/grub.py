"""GRUB's own files, for UEFI and for BIOS, made of the modules that Debian brings."""

import subprocess
from pathlib import Path

_MODULES = Path("/usr/lib/grub")
_COMMON = (
    "part_gpt fat iso9660 normal configfile linux loadenv test echo probe regexp search search_label serial terminal "
    "all_video reboot halt sleep minicmd"
)


def uefi(target: Path, prefix: str, early: Path | None = None) -> None:
    """A program for UEFI that looks for its configuration in `prefix`, or does what `early` says first."""
    _make("x86_64-efi", target, prefix, early, "efi_gop efi_uga")


def bios(target: Path, prefix: str, early: Path | None = None) -> None:
    """GRUB's core for BIOS; what starts it comes before it."""
    _make("i386-pc", target, prefix, early, "biosdisk vbe vga")


def part(name: str) -> bytes:
    """One of GRUB's small beginnings for BIOS, such as boot.img."""
    return (_MODULES / "i386-pc" / name).read_bytes()


def _make(platform: str, target: Path, prefix: str, early: Path | None, more: str) -> None:
    chosen = ["--config", str(early)] if early else []
    words = [*_COMMON.split(), *more.split()]
    subprocess.run(
        ["grub-mkimage", "-O", platform, "-o", str(target), "-p", prefix, *chosen, *words],
        check=True,
        stdout=subprocess.DEVNULL,
    )
