"""Secure Boot with Microsoft's keys: it is installed, starts and counts a trial; one changed byte is refused."""

import time
from pathlib import Path

import pytest
from tests.image.conftest import GIB, OUT, PAGE, REFUSED, boot_file
from tools.image import qemu, uefi
from tools.image.qemu import Drive, Machine, empty

from guardian.appliance import grubenv

pytestmark = pytest.mark.timeout(3600)
MENU = "Guardian (slot"
GRUB = "EFI/BOOT/grubx64.efi"
# Of each program words that are never reached, and by whom it is refused once a letter of them is another one.
CHANGED = {
    uefi.FIRST: (b"cannot be run in DOS mode", "Access Denied"),
    GRUB: (b"This is not a bootable disk", "Verification failed"),
    "A/vmlinuz": (b"No setup signature found", "bad shim signature"),
}


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """As the image is handed out."""
    return qemu.copy(OUT / "guardian-edge.raw", tmp_path / "disk.img")


def change(disk: Path, name: str) -> None:
    """One byte of a program on the boot partition, where nothing that it does depends on it."""
    words, _ = CHANGED[name]
    before = boot_file(disk, name)
    assert words in before
    after = before.replace(words, words.swapcase()[:1] + words[1:], 1)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1
    assert boot_file(disk, name, after) == after


def words(disk: Path) -> dict[str, str]:
    """What GRUB and userspace tell each other, as it lies on the disk now."""
    return grubenv.unpack(boot_file(disk, grubenv.PLACE))


def test_it_is_installed_from_the_stick_and_starts(stick: Path, tmp_path: Path) -> None:
    disk = Drive(empty(tmp_path / "disk.img", 5 * GIB), "nvme")
    with Machine(tmp_path / "machine", [Drive(stick, "usb"), disk], "secure") as machine:
        assert machine.expect("Done. Take the stick out", REFUSED, seconds=1200) != REFUSED, machine.said()[-3000:]
        machine.ends()
    with Machine(tmp_path / "machine", [disk], "secure") as machine:
        machine.expect(PAGE, seconds=900)
        # As its firmware and its kernel, which is locked down, say on the page.
        assert "Secure Boot is on\n" in machine.said()
        assert "[FAILED]" not in machine.said()


@pytest.mark.parametrize("name", CHANGED)
def test_one_changed_byte_is_refused(disk: Path, tmp_path: Path, name: str) -> None:
    change(disk, name)
    _, refusal = CHANGED[name]
    with Machine(tmp_path / "machine", [Drive(disk)], "secure") as machine:
        machine.expect(refusal, seconds=300)
        if name == "A/vmlinuz":
            machine.expect("Neither slot can be started", seconds=120)
        time.sleep(20)
        assert (MENU in machine.said()) == (name == "A/vmlinuz")
        assert "Linux version" not in machine.said()
        assert PAGE not in machine.said()


def test_it_is_secure_boot_that_refuses_them(disk: Path, tmp_path: Path) -> None:
    """Without it the same disk starts: the bytes are of no use to anybody but who looks at signatures."""
    for name in CHANGED:
        change(disk, name)
    with Machine(tmp_path / "machine", [Drive(disk)]) as machine:
        machine.expect(PAGE, seconds=900)
        assert "Secure Boot is off" in machine.said()


def test_a_trial_is_counted_and_ends(disk: Path, tmp_path: Path) -> None:
    """Slot B is empty: GRUB, locked down, writes each start of it down, and goes back to A."""
    boot_file(disk, grubenv.PLACE, grubenv.pack({"good": "A", "trial": "B", "left": "2", "reached": "", "verdict": ""}))
    for left in ("1", "0"):
        with Machine(tmp_path / "machine", [Drive(disk)], "secure") as machine:
            machine.ends(300)
        assert words(disk)["trial"] == "B"
        assert words(disk)["left"] == left
    with Machine(tmp_path / "machine", [Drive(disk)], "secure") as machine:
        machine.expect(f"{MENU} A)", seconds=300)
        assert words(disk) == {"good": "A", "trial": "", "left": "2", "reached": "", "verdict": "never_came_up"}
        machine.expect(PAGE, seconds=900)
