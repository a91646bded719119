"""A medium of which one bit is wrong is found before a disk is touched."""

import io
import random

import pytest
from tests.imaging.gpt import LINUX, SECTOR, Table, make

from guardian.appliance import medium
from guardian.appliance.medium import Check, MediumError
from guardian.common import seed_region

END = 1 << 19
# Where the check begins, and what lies behind the seed.
SIZE = 4 << 16
BEHIND = Table(END).seed_first * SECTOR + seed_region.SIZE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small medium: content, its check, a seed, and the table's copy."""
    path = tmp_path_factory.mktemp("medium") / "iso"
    table = Table(END)
    check = (medium.CHECK_TYPE, SIZE // SECTOR, (SIZE + medium.CHECK_SIZE) // SECTOR - 1, "guardian-check")
    table.partitions = [(LINUX, 64, SIZE // SECTOR - 1, "system"), check, table.seed()]
    make(path, END, table, filling=random.Random(7).randbytes(SIZE - 64 * SECTOR))
    data = path.read_bytes()
    found = medium.pack(Check(SIZE, medium.digest(io.BytesIO(data), SIZE)))
    return data[:SIZE] + found + data[SIZE + len(found) :]


def test_as_it_was_made(made: bytes) -> None:
    told: list[float] = []
    medium.verify(io.BytesIO(made), SIZE, BEHIND, told.append)
    assert told[-1] == 1
    # On a stick that is larger, with something of before behind it.
    medium.verify(io.BytesIO(made + b"before"), SIZE, BEHIND)


@pytest.mark.parametrize(
    "byte",
    [
        *(0, SECTOR + 33, SIZE // 2, SIZE - 1, SIZE, SIZE + 300, SIZE + 60_000, BEHIND),
        *(END - 33 * SECTOR, END - 20 * SECTOR, END - SECTOR, END - SECTOR + 24, END - 1),
    ],
)
def test_one_wrong_bit_anywhere(made: bytes, byte: int) -> None:
    data = bytearray(made)
    data[byte] ^= 16
    with pytest.raises(MediumError) as caught:
        medium.verify(io.BytesIO(bytes(data)), SIZE, BEHIND)
    assert caught.value.reason == "medium_damaged"
    assert "No disk was touched" in str(caught.value)


@pytest.mark.parametrize("keep", [0, 100, SIZE - 1, SIZE + 10, END - 1])
def test_a_medium_that_is_cut_short(made: bytes, keep: int) -> None:
    with pytest.raises(MediumError):
        medium.verify(io.BytesIO(made[:keep]), SIZE, BEHIND)


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b'{"size":"x","sha256":1}', b"[" * 9999, b'{"size":1e999,"sha256":""}']
)
def test_a_check_of_another_form(said: bytes) -> None:
    with pytest.raises(MediumError):
        medium.unpack((medium.MAGIC + said).ljust(medium.CHECK_SIZE, b"\0"))
