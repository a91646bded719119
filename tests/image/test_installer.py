"""The installer on a machine: what it installs starts; where it must not write, it says so and writes nothing."""

from pathlib import Path

import pytest
from tests.image.conftest import GIB, REFUSED, beginning, flip, holding
from tools.image.qemu import Drive, Machine, empty

from guardian.appliance import layout

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.parametrize("firmware", ["uefi", "bios"])
def test_an_empty_disk_is_installed_and_starts(stick: Path, tmp_path: Path, firmware: str) -> None:
    disk = Drive(empty(tmp_path / "disk.img", 5 * GIB), "nvme" if firmware == "uefi" else "virtio")
    with Machine(tmp_path / "first", [Drive(stick, "usb"), disk], firmware) as machine:
        assert machine.expect("Done. Take the stick out", REFUSED, seconds=900) != REFUSED, machine.said()[-3000:]
        machine.ends()
    with Machine(tmp_path / "second", [disk], firmware) as machine:
        machine.expect("Plug in a network cable", seconds=600)
        assert "[FAILED]" not in machine.said()


def test_a_disk_that_holds_something_is_asked_for_before_it_is_wiped(stick: Path, tmp_path: Path) -> None:
    path = holding(tmp_path / "disk.img")
    before = beginning(path)
    with Machine(tmp_path / "one", [Drive(stick, "usb"), Drive(path)]) as machine:
        machine.expect("Type ERASE to go on", seconds=900)
        machine.types("yes\n")
        machine.expect("Nothing was changed.")
        assert beginning(path) == before
        machine.types("ERASE\n")
        machine.expect("Writing the system")


def test_only_the_stick(stick: Path, tmp_path: Path) -> None:
    with Machine(tmp_path / "one", [Drive(stick, "usb")]) as machine:
        machine.expect(REFUSED, seconds=900)
        assert "There is no disk to install to" in machine.said()
        assert "the installer runs from it" in machine.said()


def test_a_disk_that_is_too_small(stick: Path, tmp_path: Path) -> None:
    disk = empty(tmp_path / "disk.img", layout.SMALLEST - (64 << 20))
    with Machine(tmp_path / "one", [Drive(stick, "usb"), Drive(disk)]) as machine:
        machine.expect(REFUSED, seconds=900)
        assert "too small" in machine.said()


@pytest.mark.parametrize(
    ("firmware", "moment"),
    [("uefi", "Writing the system"), ("bios", "Writing the system"), ("uefi", "Reading it")],
)
def test_the_power_goes_while_it_writes(stick: Path, tmp_path: Path, firmware: str, moment: str) -> None:
    disk = Drive(empty(tmp_path / "disk.img", 5 * GIB))
    with Machine(tmp_path / "first", [Drive(stick, "usb"), disk], firmware) as machine:
        machine.expect(moment, seconds=900)
    with Machine(tmp_path / "second", [disk], firmware) as machine:
        machine.expect("Install this machine anew from its stick", seconds=300)
        assert "Private AI Guardian" not in machine.said()
    with Machine(tmp_path / "third", [Drive(stick, "usb"), disk], firmware) as machine:
        machine.expect("Type ERASE to go on", seconds=900)
        machine.types("ERASE\n")
        machine.expect("Done. Take the stick out", seconds=900)


def test_one_wrong_bit_on_the_medium(stick: Path, tmp_path: Path) -> None:
    """In the middle of the system's file, where nothing that starts would ever read it."""
    flip(stick, stick.stat().st_size * 3 // 4)
    path = empty(tmp_path / "disk.img", 5 * GIB)
    with Machine(tmp_path / "one", [Drive(stick, "usb"), Drive(path)]) as machine:
        machine.expect(REFUSED, seconds=900)
        assert "at least one bit of it is wrong" in machine.said()
    assert not any(beginning(path))
