"""GRUB's environment: what we write is what it reads, in one sector; what is damaged is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.appliance import grubenv
from guardian.appliance.grubenv import GrubenvError
from guardian.appliance.slots import Words


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "grubenv"
    path.write_bytes(grubenv.pack(Words().said()))
    return path


def test_it_is_written_where_it_lies_and_in_one_sector(file: Path) -> None:
    before, inode = file.read_bytes(), file.stat().st_ino
    grubenv.write(file, Words(good="B", verdict="never_came_up").said())
    assert file.stat().st_ino == inode
    assert grubenv.read(file)["good"] == "B"
    after = file.read_bytes()
    assert len(after) == grubenv.SIZE
    assert after[512:] == before[512:] == b"#" * 512


def test_what_grub_leaves_is_read(tmp_path: Path) -> None:
    # As GRUB 2.06 saves it: values of nothing, and a word of its own that we do not know.
    raw = b"# GRUB Environment Block\ngood=B\ntrial=\nleft=1\nreached=1\nnext_entry=\n".ljust(1024, b"#")
    assert Words.of(grubenv.unpack(raw)) == Words(good="B", left="1", reached="1")


@pytest.mark.parametrize("place", [100, 511, 1023])
def test_a_wrong_byte_in_what_fills_it_up_says_nothing(place: int) -> None:
    raw = bytearray(grubenv.pack({"good": "B"}))
    raw[place] = 0xFF
    assert grubenv.unpack(bytes(raw)) == {"good": "B"}


def test_a_damaged_one_is_made_anew(file: Path) -> None:
    file.write_bytes(b"nothing of ours")
    grubenv.renew(file, {"good": "B"})
    assert grubenv.read(file) == {"good": "B"}


def test_a_slot_that_is_none_is_a_as_grub_has_it() -> None:
    assert Words.of({"good": "C", "trial": "B"}) == Words(good="A", trial="B")


@given(st.binary(max_size=1100))
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(GrubenvError):
        grubenv.unpack(raw)


def test_a_file_of_another_size_is_not_written_to(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(GrubenvError):
        grubenv.write(file, Words().said())
    assert len(file.read_bytes()) == grubenv.SIZE - 1


@pytest.mark.parametrize("value", ["a\nb=1", "a b", "x" * 65])
def test_no_value_becomes_two(file: Path, value: str) -> None:
    with pytest.raises(ValueError, match="GRUB's environment"):
        grubenv.write(file, {"good": value})
