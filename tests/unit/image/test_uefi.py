"""What is known of a GRUB for UEFI before it is shipped: where it looks, and that nothing is missing in it."""

import subprocess
from pathlib import Path

import pytest
from tools.image import grub, uefi
from tools.lab.places import Refused


def program(path: Path, modules: list[str]) -> Path:
    """A GRUB as distributions make theirs, but for the signature."""
    assert Path("/usr/lib/grub/x86_64-efi").is_dir(), "GRUB's modules are missing: apt-get install grub-efi-amd64-bin"
    subprocess.run(["grub-mkimage", "-O", "x86_64-efi", "-o", str(path), "-p", "/EFI/somewhere", *modules], check=True)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree" / uefi.FOLDER
    folder.mkdir(parents=True)
    for name in ("BOOTX64.EFI", "mmx64.efi"):
        (folder / name).write_bytes(name.encode())
    program(folder / "grubx64.efi", grub.COMMON.split())
    return tmp_path / "tree"


def test_the_configuration_lies_where_this_grub_looks(tree: Path, tmp_path: Path) -> None:
    uefi.files(tree, tmp_path / "boot", "configfile /grub/grub.cfg\n")
    assert (tmp_path / "boot/EFI/somewhere/grub.cfg").read_text() == "configfile /grub/grub.cfg\n"
    assert (tmp_path / "boot" / uefi.FIRST).read_bytes() == b"BOOTX64.EFI"
    assert {path.name for path in (tmp_path / "boot/EFI/BOOT").iterdir()} == {"BOOTX64.EFI", "grubx64.efi", "mmx64.efi"}


def test_a_grub_that_cannot_count_is_not_shipped(tmp_path: Path) -> None:
    """Without `loadenv` there would be no slot but A, and no trial would end."""
    modules = [name for name in grub.COMMON.split() if name not in ("loadenv", "probe")]
    with pytest.raises(Refused, match="no loadenv, probe built in"):
        uefi.looks_in(program(tmp_path / "grubx64.efi", modules))


@pytest.mark.parametrize("cut", [0, 100, -200000])
def test_something_else_is_no_grub(tmp_path: Path, cut: int) -> None:
    path = program(tmp_path / "grubx64.efi", grub.COMMON.split())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(Refused, match="no GRUB that we know"):
        uefi.looks_in(path)
