"""The seed's region: one changed bit is found wherever it is; a table of partitions is believed nothing."""

import io
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tests.imaging.gpt import LINUX, SECTOR, Table, make
from tools.image.iso import name

from guardian.common import seed_region
from guardian.common.seed_region import SIZE, SeedRegionError

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
IMAGE = bytes(range(16))
PAYLOAD = b'{"version": 2, "token": "gdn1.x"}'
REASONS = {"seed_damaged", "seed_foreign", "seed_region_missing"}
IMAGE_SIZE = 1 << 20


def reason(raw: bytes, image_id: bytes = IMAGE, keys: tuple[bytes, ...] = (PUBLIC,)) -> str:
    """Why it is refused."""
    with pytest.raises(SeedRegionError) as caught:
        seed_region.unpack(raw, image_id, keys)
    return caught.value.reason


@given(st.binary(min_size=1, max_size=2000), st.binary(min_size=16, max_size=16))
def test_what_was_packed_is_unpacked(payload: bytes, image_id: bytes) -> None:
    raw = seed_region.pack(payload, image_id, KEY)
    assert len(raw) == SIZE
    assert seed_region.unpack(raw, image_id, [bytes(32), PUBLIC]) == payload


@given(st.integers(min_value=0, max_value=SIZE * 8 - 1) | st.integers(min_value=0, max_value=200 * 8), st.booleans())
def test_one_flipped_bit_anywhere_is_refused(bit: int, full: bool) -> None:
    raw = bytearray(seed_region.pack(PAYLOAD, IMAGE, KEY) if full else seed_region.empty())
    raw[bit // 8] ^= 1 << bit % 8
    assert reason(bytes(raw)) in REASONS


def test_each_bit_of_head_and_payload_is_guarded() -> None:
    good = seed_region.pack(PAYLOAD, IMAGE, KEY)
    for bit in range((SIZE - seed_region.MAX_PAYLOAD + len(PAYLOAD)) * 8):
        raw = bytearray(good)
        raw[bit // 8] ^= 1 << bit % 8
        place = bit // 8
        wanted = "seed_region_missing" if place < 16 else "seed_damaged" if not 52 <= place < 124 else "seed_foreign"
        assert reason(bytes(raw)) == wanted, bit


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_refused_with_a_reason(data: bytes, begun: bool) -> None:
    raw = (seed_region.MAGIC + data if begun else data).ljust(SIZE, b"\0")
    if raw != seed_region.empty():
        assert reason(raw) in REASONS
    assert reason(data) == "seed_region_missing"


def test_an_empty_region_holds_nothing_whoever_is_trusted() -> None:
    assert seed_region.unpack(seed_region.empty(), IMAGE, []) is None


def test_a_seed_of_nobody_who_is_trusted_or_for_another_image_is_foreign() -> None:
    raw = seed_region.pack(PAYLOAD, IMAGE, KEY)
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert reason(raw, keys=()) == reason(raw, keys=(other,)) == reason(raw, bytes(16)) == "seed_foreign"
    # A key that is no point of the curve trusts nobody.
    assert reason(raw, keys=(b"\xff" * 32,)) == "seed_foreign"


def test_a_payload_that_does_not_fit_is_not_packed() -> None:
    assert seed_region.unpack(seed_region.pack(bytes(seed_region.MAX_PAYLOAD), IMAGE, KEY), IMAGE, [PUBLIC])
    for payload in (b"", bytes(seed_region.MAX_PAYLOAD + 1)):
        with pytest.raises(ValueError, match="size"):
            seed_region.pack(payload, IMAGE, KEY)


def found(path: Path) -> seed_region.Place:
    with path.open("rb") as file:
        return seed_region.find(file)


@pytest.mark.parametrize("entry_count", [2, 128, 248])
def test_the_region_is_found_by_the_images_table(tmp_path: Path, entry_count: int) -> None:
    table = make(tmp_path / "image", IMAGE_SIZE, Table(IMAGE_SIZE, entry_count=entry_count))
    place = found(tmp_path / "image")
    assert (place.offset, place.image_id) == (table.seed_first * SECTOR, table.disk.bytes)
    with (tmp_path / "image").open("rb") as file:
        file.seek(place.offset)
        assert seed_region.read(file.read(SIZE)) is None


def test_the_region_is_found_on_a_larger_medium_too(tmp_path: Path) -> None:
    table = make(tmp_path / "stick", IMAGE_SIZE)
    with (tmp_path / "stick").open("ab") as file:
        file.truncate(IMAGE_SIZE * 3)
    assert found(tmp_path / "stick").image_id == table.disk.bytes


WRONG: dict[str, Any] = {
    "own": 2,
    "revision": 0x20000,
    "header_size": 91,
    "entry_size": 256,
    "entry_count": 257,
    "start": 1,
    "first_usable": 2,
    "backup": IMAGE_SIZE // SECTOR,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_table_of_another_form_is_refused(tmp_path: Path, name: str) -> None:
    make(tmp_path / "image", IMAGE_SIZE, Table(IMAGE_SIZE, **{name: WRONG[name]}))
    with pytest.raises(SeedRegionError) as caught:
        found(tmp_path / "image")
    assert caught.value.reason == "seed_region_missing"


PARTITIONS = {
    "none": [(LINUX, 64, 100, "system")],
    "two": [Table(IMAGE_SIZE).seed(), Table(IMAGE_SIZE).seed(first=64, last=191)],
    "too small": [Table(IMAGE_SIZE).seed(last=Table(IMAGE_SIZE).seed_first + 126)],
    "backwards": [Table(IMAGE_SIZE).seed(last=64)],
    "outside": [Table(IMAGE_SIZE).seed(first=IMAGE_SIZE // SECTOR, last=IMAGE_SIZE // SECTOR + 127)],
    "in the table": [Table(IMAGE_SIZE).seed(first=2, last=129)],
    "far away": [Table(IMAGE_SIZE).seed(first=2**64 - 128, last=2**64 - 1)],
    "another name": [Table(IMAGE_SIZE).seed(name="seed")],
    "one across it": [Table(IMAGE_SIZE).seed(first=640, last=767), (LINUX, 64, 640, "system")],
}


@pytest.mark.parametrize("name", PARTITIONS)
def test_a_partition_of_a_wrong_place_size_or_name_is_refused(tmp_path: Path, name: str) -> None:
    make(tmp_path / "image", IMAGE_SIZE, Table(IMAGE_SIZE, partitions=PARTITIONS[name]))
    with pytest.raises(SeedRegionError) as caught:
        found(tmp_path / "image")
    assert caught.value.reason == "seed_region_missing"


def test_a_flipped_bit_in_the_table_is_found_and_no_other_bytes_are_one(tmp_path: Path) -> None:
    make(tmp_path / "image", IMAGE_SIZE)
    good = (tmp_path / "image").read_bytes()
    for place in (*range(512, 512 + 92), *range(1024, 1024 + 256, 7), 1024 + 128 * 128 - 1):
        raw = bytearray(good)
        raw[place] ^= 4
        with pytest.raises(SeedRegionError):
            seed_region.find(io.BytesIO(bytes(raw)))


@given(st.binary(max_size=700), st.integers(min_value=0, max_value=2048), st.integers(min_value=0, max_value=2**64 - 1))
def test_any_bytes_are_an_image_or_an_error_of_ours(data: bytes, length: int, number: int) -> None:
    table = Table(length * SECTOR, start=number, backup=number // 3, first_usable=number // 7)
    head = table.head(b"\1" * 128) if length > 34 else b""
    for raw in (data, head + data, (head + data).ljust(length * SECTOR, b"\0")):
        with pytest.raises(SeedRegionError):
            seed_region.find(io.BytesIO(raw))


def test_other_tools_tables_are_read(tmp_path: Path) -> None:
    """An ISO as xorriso makes it, and as our own build names it afterwards."""
    iso, seed = tmp_path / "a.iso", tmp_path / "seed"
    seed.write_bytes(seed_region.empty())
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(bytes(300_000))
    kind = str(seed_region.PARTITION_TYPE)
    command = ["xorriso", "-as", "mkisofs", "-quiet", "-no-pad", "-o", str(iso)]
    command += ["-append_partition", "2", kind, str(seed), "-appended_part_as_gpt", str(tmp_path / "tree")]
    assert shutil.which("xorriso"), "This wants Debian's package xorriso; `make setup` installs it."
    subprocess.run(command, check=True, capture_output=True)
    with iso.open("rb") as file, pytest.raises(SeedRegionError, match="not named guardian-seed"):
        seed_region.find(file)
    name(iso, uuid.UUID(bytes=IMAGE))
    with iso.open("rb") as file:
        place = seed_region.find(file)
        file.seek(place.offset)
        assert file.read(SIZE) == seed_region.empty()
    assert place.image_id == IMAGE
