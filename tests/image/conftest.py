"""The image that `make image` left, and a stick it was written to; only `make image-test` collects these tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.image import qemu
from tools.image.qemu import empty
from tools.lab.places import ROOT

OUT = ROOT / "build" / "image" / "out"
# Whose seeds this image takes; `make image-test` makes it.
KEY = ROOT / "build" / "image" / "test.key"
REFUSED = "Nothing more happens here"
GIB = 1 << 30


def pytest_ignore_collect(collection_path: Any) -> bool | None:
    """`make image-test` runs these; anybody else's pytest has no hour to wait for a machine without acceleration."""
    return None if os.environ.get("GUARDIAN_IMAGE") or collection_path.name == "conftest.py" else True


@pytest.fixture(scope="session")
def iso() -> Path:
    """The installer."""
    path = OUT / "guardian-edge.iso"
    assert path.exists(), "There is no image: run `make image` first."
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
