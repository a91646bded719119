"""A medium of which one bit is wrong is found before a disk is touched."""

import io
import random

import pytest

from guardian.appliance import medium
from guardian.appliance.medium import Check, MediumError

SIZE = 3 << 16


@pytest.fixture(scope="module")
def made() -> bytes:
    """A small medium: content, then its check."""
    content = random.Random(7).randbytes(SIZE)
    return content + medium.pack(Check(SIZE, medium.digest(io.BytesIO(content), SIZE)))


def test_as_it_was_made(made: bytes) -> None:
    told: list[float] = []
    medium.verify(io.BytesIO(made), SIZE, told.append)
    assert told[-1] == 1


@pytest.mark.parametrize("bit", [0, 1, SIZE * 4, SIZE * 8 - 1, SIZE * 8, SIZE * 8 + 300, (SIZE + 60_000) * 8 + 7])
def test_one_wrong_bit_anywhere(made: bytes, bit: int) -> None:
    data = bytearray(made)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(MediumError) as caught:
        medium.verify(io.BytesIO(bytes(data)), SIZE)
    assert caught.value.reason == "medium_damaged"
    assert "No disk was touched" in str(caught.value)


@pytest.mark.parametrize("keep", [0, 100, SIZE - 1, SIZE + 10])
def test_a_medium_that_is_cut_short(made: bytes, keep: int) -> None:
    with pytest.raises(MediumError):
        medium.verify(io.BytesIO(made[:keep]), SIZE)


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b'{"size":"x","sha256":1}', b"[" * 9999, b'{"size":1e999,"sha256":""}']
)
def test_a_check_of_another_form(said: bytes) -> None:
    with pytest.raises(MediumError):
        medium.unpack((medium.MAGIC + said).ljust(medium.CHECK_SIZE, b"\0"))
