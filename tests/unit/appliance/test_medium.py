"""A medium of which one bit is wrong is found before a disk is touched."""

import errno
import io

import pytest
from tests.imaging.gpt import SECTOR
from tests.imaging.installer import BEHIND, CHECK, END, medium_at

from guardian.appliance import medium
from guardian.appliance.medium import MediumError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small medium."""
    return medium_at(tmp_path_factory.mktemp("medium") / "iso")


def test_as_it_was_made(made: bytes) -> None:
    told: list[float] = []
    medium.verify(io.BytesIO(made), CHECK, BEHIND, told.append)
    assert told[-1] == 1
    # On a stick that is larger, with something of before behind it.
    medium.verify(io.BytesIO(made + b"before"), CHECK, BEHIND)


@pytest.mark.parametrize(
    "byte",
    [
        *(0, SECTOR + 33, CHECK // 2, CHECK - 1, CHECK, CHECK + 300, CHECK + 60_000, BEHIND),
        *(END - 33 * SECTOR, END - 20 * SECTOR, END - SECTOR, END - SECTOR + 24, END - 1),
    ],
)
def test_one_wrong_bit_anywhere(made: bytes, byte: int) -> None:
    data = bytearray(made)
    data[byte] ^= 16
    with pytest.raises(MediumError) as caught:
        medium.verify(io.BytesIO(bytes(data)), CHECK, BEHIND)
    assert caught.value.reason == "medium_damaged"
    assert "No disk was touched" in str(caught.value)


class Worn(io.BytesIO):
    """A stick of which one sector cannot be read any more, as the kernel tells of it."""

    place = 0

    def read(self, size: int | None = -1, /) -> bytes:
        begin = self.tell()
        data = super().read(size)
        if begin <= self.place < begin + len(data):
            raise OSError(errno.EIO, "Input/output error")
        return data


@pytest.mark.parametrize("byte", [SECTOR, CHECK // 2, CHECK + 5, BEHIND, END - 1])
def test_a_sector_that_cannot_be_read(made: bytes, byte: int) -> None:
    worn = Worn(made)
    worn.place = byte
    with pytest.raises(MediumError) as caught, medium.sound():
        medium.verify(worn, CHECK, BEHIND)
    assert caught.value.reason == "medium_damaged"


def test_a_disk_that_ends_before_its_size_is_no_damaged_medium() -> None:
    """What was written is read back by the same code."""
    with pytest.raises(OSError, match="it ends before its size"):
        medium.digest(io.BytesIO(bytes(100)), 101)


@pytest.mark.parametrize("keep", [0, 100, CHECK - 1, CHECK + 10, END - 1])
def test_a_medium_that_is_cut_short(made: bytes, keep: int) -> None:
    with pytest.raises(MediumError), medium.sound():
        medium.verify(io.BytesIO(made[:keep]), CHECK, BEHIND)


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b'{"size":"x","sha256":1}', b"[" * 9999, b'{"size":1e999,"sha256":""}']
)
def test_a_check_of_another_form(said: bytes) -> None:
    with pytest.raises(MediumError):
        medium.unpack((medium.MAGIC + said).ljust(medium.CHECK_SIZE, b"\0"))
