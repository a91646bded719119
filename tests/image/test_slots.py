"""A slot in force that comes up no more: the machine goes to its other one by itself, and says so."""

import time
from pathlib import Path

import pytest
from tests.image.conftest import GIB, OUT, PAGE, boot_file, place
from tools.image import qemu
from tools.image.qemu import Drive, Machine

from guardian.appliance import grubenv, layout
from guardian.appliance.slots import Words

pytestmark = pytest.mark.timeout(3600)


def both(path: Path) -> Path:
    """A disk of the image whose slot B holds the same system."""
    qemu.copy(OUT / "guardian-edge.raw", path)
    first, second = place(path, layout.SLOTS["A"]), place(path, layout.SLOTS["B"])
    with path.open("r+b") as disk:
        disk.truncate(6 * GIB)
        for offset in range(0, first.size, 4 << 20):
            disk.seek(first.offset + offset)
            part = disk.read(min(4 << 20, first.size - offset))
            if part.strip(b"\0"):
                disk.seek(second.offset + offset)
                disk.write(part)
    for name in layout.KERNEL:
        boot_file(path, f"B/{name}", boot_file(path, f"A/{name}"))
    return path


def words(disk: Path) -> Words:
    """GRUB's own."""
    return Words.of(grubenv.unpack(boot_file(disk, grubenv.PLACE)))


def test_after_three_starts_that_came_to_nothing_the_other_slot_is_in_force(tmp_path: Path) -> None:
    disk = both(tmp_path / "disk.img")
    # A RAM disk that is none: the kernel finds no system.
    boot_file(disk, "A/initrd.img", b"\0" * 4096)
    for start in ("x", "xx", "xxx"):
        with Machine(tmp_path / "broken", [Drive(disk)]) as machine:
            machine.ends(seconds=600)
            assert PAGE not in machine.said()
        assert words(disk) == Words(starts=start)
    with Machine(tmp_path / "other", [Drive(disk)]) as machine:
        machine.expect(PAGE, seconds=900)
        assert "slot B" in machine.said()
        # What came up puts itself in force, as soon as it can.
        end = time.monotonic() + 300
        while words(disk) != Words(good="B") and time.monotonic() < end:
            time.sleep(2)
        assert words(disk) == Words(good="B")
