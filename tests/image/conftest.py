"""The image that was baked to be tried, and a stick it was written to; only `make image-test` collects these tests."""

import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.image import qemu
from tools.image.qemu import empty
from tools.lab.places import ROOT

from guardian.appliance import layout
from guardian.common import gpt
from guardian.common.tokens import Token

# Baked to be tried, each beside the tree it was made of: they trust the keys below.
TRIED = ROOT / "build" / "image" / "tried"
OUT = TRIED / "edge"
# What Packer baked, in a machine.
PACKED = TRIED / "packed"
# Whose seeds this image takes; `make image-test` makes it.
KEY = ROOT / "build" / "image" / "test.key"
# Who signs the updates it takes.
UPDATE_KEY = ROOT / "build" / "image" / "update.key"
GUARDIAN = [sys.executable, "-m", "guardian.cli.main", "image"]
TOKEN = str(Token("node.invalid:7444", "0" * 64, "1" * 43))
REFUSED = "Nothing more happens here"
# On the page of a machine without a network.
PAGE = "Plug in a network cable"
GIB = 1 << 30


def pytest_ignore_collect(collection_path: Any) -> bool | None:
    """`make image-test` runs these; anybody else's pytest has no hour to wait for a machine without acceleration."""
    return None if os.environ.get("GUARDIAN_IMAGE") or collection_path.name == "conftest.py" else True


@pytest.fixture(scope="session")
def iso() -> Path:
    """The installer."""
    path = OUT / "guardian-edge.iso"
    assert path.exists(), "There is no image to try: run `make image-test`."
    return path


@pytest.fixture
def stick(iso: Path, tmp_path: Path) -> Iterator[Path]:
    """A stick it was written to, to be changed at will."""
    path = qemu.copy(iso, tmp_path / "stick.img")
    yield path
    path.unlink()


def beginning(path: Path, size: int = 8 << 20) -> bytes:
    """The first bytes of a disk."""
    with path.open("rb") as file:
        return file.read(size)


def holding(path: Path) -> Path:
    """A disk on which there is a file system, by its mark."""
    empty(path, 5 * GIB)
    with path.open("r+b") as file:
        file.seek(1080)
        file.write(b"\x53\xef")
    return path


def flip(path: Path, place: int) -> None:
    """One bit of a file is another one."""
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 16]))


def place(disk: Path, part: layout.Partition) -> gpt.Entry:
    """A partition of a disk of ours."""
    with disk.open("rb") as file:
        return gpt.read(file).entries[part.number - 1]


def boot_file(disk: Path, name: str, text: bytes | None = None) -> bytes:
    """A file of the boot partition; put there first, if `text` is given."""
    image = f"{disk}@@{place(disk, layout.BOOT).offset}"
    if text is not None:
        subprocess.run(["mcopy", "-o", "-i", image, "-", f"::/{name}"], input=text, check=True)
    return subprocess.run(["mtype", "-i", image, f"::/{name}"], stdout=subprocess.PIPE, check=True).stdout


def seed(image: Path, key: Path, *words: str, token: str = TOKEN) -> None:
    """As an operator writes one."""
    command = [*GUARDIAN, "seed", str(image), "--key", str(key), "--token-stdin", *words]
    subprocess.run(command, input=f"{token}\n", text=True, check=True, stdout=subprocess.DEVNULL)


def lies_on(disk: Path, token: str = TOKEN) -> bool:
    """Whether the token can be found anywhere on it."""
    with disk.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content:
        return content.find(token.encode()) >= 0
