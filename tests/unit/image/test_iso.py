"""The installer's medium, as small as one can be: GRUB finds it and no other, and no bit of it is wrong unnoticed."""

import io
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
from tests.unit.image.test_uefi import program
from tools.image import disk, grub, iso, uefi
from tools.image.slot import Slot

from guardian.appliance import layout, medium
from guardian.common import gpt, seed_region

IMAGE = "6f1d6a1e-24c5-4bb1-9f0e-3c1f7a4f2d10"

TOOLS = {
    "xorriso": "xorriso",
    "mkfs.vfat": "dosfstools",
    "mtype": "mtools",
    "grub-mkimage": "grub-pc-bin",
    "grub-fstest": "grub-pc-bin",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A medium of a system that is none."""
    for tool, package in TOOLS.items():
        assert shutil.which(tool), f"{tool} is missing: apt-get install {package}"
    folder = tmp_path_factory.mktemp("iso")
    signed = folder / "tree" / uefi.FOLDER
    signed.mkdir(parents=True)
    for name in ("BOOTX64.EFI", "mmx64.efi"):
        (signed / name).write_bytes(name.encode())
    program(signed / "grubx64.efi", grub.COMMON.split())
    disk.pieces(folder / "tree", folder / "parts")
    for name in (layout.SYSTEM, *layout.KERNEL):
        (folder / name).write_bytes(name.encode() * 5000)
    iso.make(Slot.of(folder), folder / "parts", folder / "made.iso", IMAGE, "0.2.0")
    return folder / "made.iso"


def seen_by_grub(made: Path, *words: str) -> str:
    """What GRUB's own code for this file system says of it."""
    command = ["grub-fstest", str(made), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def table(made: Path) -> gpt.Table:
    with made.open("rb") as file:
        return gpt.read(file)


def test_grub_looks_for_a_file_that_this_image_alone_has(made: Path) -> None:
    """A stick with a seed, made by hand, has the same label."""
    start = table(made).of_type(uuid.UUID(layout.BOOT.type)).offset
    command = ["mtype", "-i", f"{made}@@{start}", "::/EFI/somewhere/grub.cfg"]
    stick = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    disc = seen_by_grub(made, "cat", "(loop0)/EFI/somewhere/grub.cfg")
    assert stick.splitlines() == disc.splitlines()
    [search] = [line for line in stick.splitlines() if line.startswith("search")]
    assert search == f"search --no-floppy --set=root --file /{IMAGE}"
    assert IMAGE in seen_by_grub(made, "ls", "(loop0)/").split()


def test_the_table_tells_which_image_it_is(made: Path) -> None:
    with made.open("rb") as file:
        assert seed_region.find(file).image_id == uuid.UUID(IMAGE).bytes


def judged(data: bytes) -> str:
    """Why the installer refuses it; '' when it does not."""
    file = io.BytesIO(data)
    try:
        check, place = gpt.read(file).of_type(medium.CHECK_TYPE).offset, seed_region.find(file).offset
        medium.verify(file, check, place + seed_region.SIZE)
        file.seek(place)
        seed_region.read(file.read(seed_region.SIZE))
    except (medium.MediumError, gpt.TableError, seed_region.SeedRegionError) as error:
        return error.reason
    return ""


def test_on_a_larger_stick_what_lies_behind_the_image_is_not_of_it(made: Path) -> None:
    assert judged(made.read_bytes()) == ""
    assert judged(made.read_bytes() + b"what was there before" * 10_000) == ""


def test_one_wrong_bit_anywhere_is_found(made: Path) -> None:
    """Places all over it, and every sector behind the check: what the whole is held against says nothing of those."""
    data = bytearray(made.read_bytes())
    check = table(made).of_type(medium.CHECK_TYPE).offset
    for place in [*range(0, check, len(data) // 40), *range(check, len(data), 500), len(data) - 1]:
        data[place] ^= 1
        assert judged(bytes(data)), f"a wrong bit at {place} of {len(data)}"
        data[place] ^= 1
