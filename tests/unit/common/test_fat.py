"""Sticks as mkfs.vfat and mtools made them (tests/vectors/fat): read, wiped, and believed in nothing.

truncate -s 512K 12.img; mkfs.vfat -F 12 -n GUARDIAN 12.img
mcopy -i 12.img "a long name of another.txt" ::; mcopy -i 12.img seed.json ::Guardian-Seed.JSON
(16: 4M, -s 1; 32: 34M, -s 1)
"""

import lzma
import random
from io import FileIO
from pathlib import Path

import pytest

from guardian.common import seed, seed_stick
from guardian.common.fat import Fat, FatError

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "fat"
BITS = (12, 16, 32)
MOST = 8 << 10


@pytest.fixture(params=BITS, ids=lambda bits: f"FAT{bits}")
def stick(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "stick.img"
    path.write_bytes(lzma.decompress((VECTORS / f"{request.param}.img.xz").read_bytes()))
    return path


def names(path: Path) -> list[str]:
    with FileIO(path) as file:
        return [name for name, _, _ in Fat(file)._files()]


def test_the_seed_is_found_by_its_long_name_in_any_case(stick: Path) -> None:
    with seed_stick.opened(stick, MOST) as file:
        assert file is not None
        assert seed.parse(file.content.strip()).name == "Hall"


def test_wiped_its_bytes_and_its_name_are_gone_and_nothing_else_is(stick: Path) -> None:
    before = stick.read_bytes()
    assert b"gdn1." in before
    with seed_stick.opened(stick, MOST) as file:
        assert file is not None and file.wipe()
    after = stick.read_bytes()
    assert b"gdn1." not in after
    assert names(stick) == ["a long name of another.txt"]
    assert b"holiday" in after
    with seed_stick.opened(stick, MOST) as file:
        assert file is None
    # The tables, two of them, agree; what was the seed's cluster is free again.
    assert sum(a != b for a, b in zip(before, after, strict=True)) < 2 * MOST


def test_a_stick_that_cannot_be_written_to_says_so(stick: Path) -> None:
    with FileIO(stick, "r") as medium:
        system = Fat(medium)
        found = system.find(seed_stick.FILE, MOST)
        assert found is not None
        assert not seed_stick.StickFile(system, found, writable=medium.writable()).wipe()


def test_a_file_that_is_too_large_is_not_read(stick: Path) -> None:
    with pytest.raises(FatError, match="larger than 100 bytes"), seed_stick.opened(stick, 100):
        pass


@pytest.mark.parametrize(
    ("place", "data"),
    [
        (0, b"\0" * 512),
        (3, b"EXFAT   " + bytes(53)),
        (11, b"\0\0"),
        (11, b"\xff\xff"),
        (13, b"\0"),
        (13, b"\x03"),
        (14, b"\0\0"),
        (16, b"\0"),
        (16, b"\xff"),
        (32, b"\xff\xff\xff\x7f"),
        (510, b"\0\0"),
    ],
)
def test_what_a_boot_sector_may_not_say(stick: Path, place: int, data: bytes) -> None:
    with stick.open("r+b") as file:
        if place == 32:
            file.seek(19)
            file.write(b"\0\0")
        file.seek(place)
        file.write(data)
    with pytest.raises(FatError) as caught, seed_stick.opened(stick, MOST):
        pass
    assert caught.value.reason == "stick_unreadable"


def test_cut_short_it_is_refused(stick: Path) -> None:
    data = stick.read_bytes()
    for size in (0, 511, 512, 4096, len(data) // 2):
        stick.write_bytes(data[:size])
        with pytest.raises(FatError), seed_stick.opened(stick, MOST):
            pass


def test_a_chain_out_of_the_medium_or_in_a_circle_ends(stick: Path) -> None:
    with FileIO(stick) as file:
        system = Fat(file)
        found = system.find(seed_stick.FILE, MOST)
        assert found is not None
    entry = found.entries[-1]
    # A first cluster that is none; then a size that asks for a chain, which the table ends after one.
    for place, data in ((26, b"\xf7\xff"), (26, b"\x00\x00"), (26, b"\x01\x00")):
        before = stick.read_bytes()
        with stick.open("r+b") as file:
            # The upper half, which FAT32 alone has.
            file.seek(entry + 20)
            file.write(b"\xff\x0f" if data[1] else b"\0\0")
            file.seek(entry + place)
            file.write(data)
        with pytest.raises(FatError), seed_stick.opened(stick, MOST):
            pass
        stick.write_bytes(before)
    with stick.open("r+b") as file:
        file.seek(entry + 28)
        file.write((7000).to_bytes(4, "little"))
    with pytest.raises(FatError), seed_stick.opened(stick, MOST):
        pass


def test_any_changed_byte_of_its_head_and_folders_is_a_stick_or_an_error_of_ours(stick: Path) -> None:
    data = bytearray(stick.read_bytes()[: 1 << 20])
    with FileIO(stick) as file:
        entries = next(places for name, _, places in Fat(file)._files() if name.startswith("Guard"))
    chance = random.Random(7)
    places = [*range(64), *(chance.randrange(entries[0] - 64, entries[-1] + 32) for _ in range(150))]
    with stick.open("r+b", buffering=0) as file:
        for place in places:
            file.seek(place)
            file.write(bytes([data[place] ^ chance.randrange(1, 256)]))
            try:
                with seed_stick.opened(stick, MOST) as found:
                    assert found is None or len(found.content) <= MOST
            except FatError:
                pass
            file.seek(place)
            file.write(data[place : place + 1])


def test_without_a_stick_there_is_nothing(tmp_path: Path) -> None:
    with seed_stick.opened(tmp_path / "none", MOST) as file:
        assert file is None
