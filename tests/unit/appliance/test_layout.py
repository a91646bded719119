"""The disk's table, as a real sfdisk makes it of our words and our own parser reads it."""

import subprocess
import uuid
from pathlib import Path

from guardian.appliance import grow, layout, writing
from guardian.common import gpt, seed_region

DISK = "621b0441-7cf9-43f5-9462-62b39d75d204"


def made(path: Path, size: int, data_size: int = 0) -> gpt.Table:
    with path.open("wb") as file:
        file.truncate(size)
    text = layout.script(data_size, DISK)
    command = ["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(path)]
    subprocess.run(command, input=text, text=True, check=True)
    with path.open("rb") as file:
        return gpt.read(file)


def test_all_partitions_are_where_they_should_be(tmp_path: Path) -> None:
    table = made(tmp_path / "disk", layout.SMALLEST, layout.SMALLEST_DATA)
    assert table.disk == uuid.UUID(DISK)
    assert [(entry.name, str(entry.type).upper()) for entry in table.entries] == [
        (part.name, part.type) for part in layout.ALL
    ]
    sizes = [part.size or layout.SMALLEST_DATA for part in layout.ALL]
    assert [entry.size for entry in table.entries] == sizes
    assert all(entry.offset % (64 << 10) == 0 for entry in table.entries)


def test_the_data_partition_has_what_is_left(tmp_path: Path) -> None:
    table = made(tmp_path / "disk", 4 * layout.SMALLEST)
    assert table.entries[-1].size > 3 * layout.SMALLEST


def test_a_seed_finds_its_place_there(tmp_path: Path) -> None:
    table = made(tmp_path / "disk", layout.SMALLEST, layout.SMALLEST_DATA)
    with (tmp_path / "disk").open("rb") as file:
        place = seed_region.find(file)
    assert place.offset == table.entries[layout.SEED.number - 1].offset
    assert place.image_id == uuid.UUID(DISK).bytes


def test_what_the_data_partition_could_have_more() -> None:
    gib = 1 << 30
    assert grow.left_over(64 * gib, 4 * gib, gib) == 59 * gib - layout.MIB
    assert grow.left_over(5 * gib, 4 * gib, gib) == 0


def test_the_table_of_a_raw_image_on_a_larger_disk_is_widened(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    before = made(path, layout.SMALLEST, layout.SMALLEST_DATA)
    with path.open("r+b") as file:
        file.truncate(2 * layout.SMALLEST)
    grow.widen(path, layout.DATA.number)
    with path.open("rb") as file:
        after = gpt.read(file)
    assert after.entries[:-1] == before.entries[:-1]
    assert after.entries[-1].offset == before.entries[-1].offset
    assert after.entries[-1].size > before.entries[-1].size + layout.SMALLEST - (4 << 20)


def test_partitions_of_disks_whose_name_ends_in_a_digit() -> None:
    assert layout.device("/dev/sda", layout.DATA) == "/dev/sda6"
    assert layout.device("/dev/nvme0n1", layout.BOOT) == "/dev/nvme0n1p2"
    assert layout.device("/dev/mmcblk0", layout.SLOTS["A"]) == "/dev/mmcblk0p3"


def test_grub_for_bios_is_told_where_its_parts_are() -> None:
    core, head = writing.bios(bytes(2000), bytes(512), 2048)
    assert head[0x5C:0x64] == (2048).to_bytes(8, "little")
    assert core[500:512] == (2049).to_bytes(8, "little") + (3).to_bytes(2, "little") + (0x820).to_bytes(2, "little")
    # The table's own bytes are not written over.
    assert len(head) == 440
