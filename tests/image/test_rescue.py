"""The rescue on machines: it looks and changes no bit of the data, saves logs, resets, ends a reset that was cut."""

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.image.conftest import GIB, OUT, PAGE, boot_file, place
from tools.image import qemu
from tools.image.qemu import Drive, Machine, empty

from guardian.appliance import grubenv, layout
from guardian.common import seed_region

pytestmark = pytest.mark.timeout(3600)
ENTRY = "Rescue: look, save logs, reset"
CHANGED = "/system/changed/etc/guardian"
CLIP = "system/var/lib/guardian/cameras/front/clips/2026-01-31/a.sealed"


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk whose machine was started once, until its page was there, and then lost its power."""
    folder = tmp_path_factory.mktemp("worked")
    path = qemu.copy(OUT / "guardian-edge.raw", folder / "disk.img")
    with path.open("r+b") as file:
        file.truncate(6 * GIB)
    with Machine(folder / "first", [Drive(path)]) as machine:
        machine.expect(PAGE, seconds=900)
    wait_at_the_menu(path)
    return path


@pytest.fixture
def disk(worked: Path, tmp_path: Path) -> Path:
    """One to be changed at will."""
    return qemu.copy(worked, tmp_path / "disk.img")


def content(disk: Path, part: layout.Partition) -> bytes:
    """SHA-256 of a partition."""
    entry, digest = place(disk, part), hashlib.sha256()
    with disk.open("rb") as file:
        file.seek(entry.offset)
        left = entry.size
        while left:
            piece = file.read(min(left, 4 << 20))
            digest.update(piece)
            left -= len(piece)
    return digest.digest()


def wait_at_the_menu(disk: Path) -> None:
    """GRUB's menu stays until something is chosen: no test types against a clock."""
    said = boot_file(disk, "grub/grub.cfg")
    lines = [b"set timeout=-1" if line.startswith(b"set timeout=") else line for line in said.splitlines()]
    boot_file(disk, "grub/grub.cfg", b"\n".join(lines) + b"\n")


def data_of(disk: Path, scratch: Path, *commands: str) -> str:
    """What debugfs says to these, of the data partition after its journal was replayed; what it changes lies there."""
    entry = place(disk, layout.DATA)
    words = ["bs=1M", "conv=sparse,notrunc", "status=none"]
    where = ["iflag=skip_bytes,count_bytes", f"skip={entry.offset}", f"count={entry.size}"]
    subprocess.run(["dd", f"if={disk}", f"of={scratch}", *words, *where], check=True)
    with scratch.open("r+b") as file:
        file.truncate(entry.size)
    assert subprocess.run(["e2fsck", "-f", "-y", str(scratch)], stdout=subprocess.DEVNULL, check=False).returncode < 4
    done = subprocess.run(
        ["debugfs", "-w", "-f", "-", str(scratch)],
        input="".join(f"{line}\n" for line in commands),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "write:" not in done.stderr, done.stderr
    words = ["bs=1M", "conv=notrunc", "status=none", "oflag=seek_bytes", f"seek={entry.offset}"]
    subprocess.run(["dd", f"if={scratch}", f"of={disk}", *words], check=True)
    scratch.unlink()
    return done.stdout


def chooses_rescue(machine: Machine) -> None:
    """The menu's second entry: Ctrl-N is GRUB's way down, and one byte, whoever reads the line."""
    machine.expect(ENTRY, seconds=300)
    machine.types("\x0e\r")
    machine.expect("Type a number", seconds=900)


def chooses_the_first(machine: Machine) -> None:
    machine.expect(ENTRY, seconds=300)
    machine.types("\r")


def test_nobody_edits_an_entry_or_types_a_command(disk: Path, tmp_path: Path) -> None:
    with Machine(tmp_path / "one", [Drive(disk)]) as machine:
        machine.expect(ENTRY, seconds=300)
        for key in ("e", "c"):
            before = len(machine.said())
            machine.types(key)
            machine.expect("Enter username:", after=before)
            machine.types("nobody\r")
            machine.expect("Enter password:", after=before)
            machine.types("\r")
            machine.expect("access denied", after=before)
            # Up: whatever waits for a key has one, and nothing is chosen.
            machine.types("\x10")
            machine.expect(ENTRY, after=machine.said().rindex("access denied"))


def test_it_looks_and_saves_logs_and_changes_nothing(disk: Path, tmp_path: Path) -> None:
    stick = empty(tmp_path / "stick.img", 256 << 20)
    subprocess.run(["mkfs.vfat", "-F", "32", "-n", "HOLIDAY", str(stick)], check=True, stdout=subprocess.DEVNULL)
    before, words = content(disk, layout.DATA), boot_file(disk, grubenv.PLACE)
    with Machine(tmp_path / "one", [Drive(disk), Drive(stick, "usb")]) as machine:
        chooses_rescue(machine)
        machine.types("1\n")
        machine.expect("Enrolment", seconds=900)
        said = machine.said()
        assert "all there, as they were made" in said
        assert "slot A is in force" in said
        assert "not enrolled" in said
        machine.types("2\n")
        machine.expect("HOLIDAY")
        machine.types("1\n")
        machine.expect("lies on the stick", "The stick", seconds=900)
        assert "lies on the stick" in machine.said(), machine.said()[-3000:]
        assert "[FAILED]" not in machine.said()
        machine.types("6\n")
        machine.ends()
    assert content(disk, layout.DATA) == before
    # No start is counted of who looks only.
    assert boot_file(disk, grubenv.PLACE) == words
    subprocess.run(["mcopy", "-i", str(stick), "::/guardian-logs-*.tar.gz", str(tmp_path)], check=True)
    [archive] = tmp_path.glob("guardian-logs-*.tar.gz")
    with tarfile.open(archive) as packed:
        names = packed.getnames()
    assert {"status.txt", "disks.txt", "rescue.txt", "unread.txt"} < set(names)
    assert any(name.startswith("var/log/journal/") for name in names)
    assert all(name.endswith((".txt", ".json", ".journal", ".journal~")) for name in names)


def test_a_reset_keeps_recordings_and_starts_as_new(disk: Path, tmp_path: Path) -> None:
    clip = tmp_path / "a.sealed"
    clip.write_bytes(b"a sealed recording")
    folders, so_far = [], ""
    for name in CLIP.split("/")[:-1]:
        so_far = f"{so_far}/{name}"
        folders.append(f"mkdir {so_far}")
    data_of(disk, tmp_path / "data", *folders, f"write {clip} /{CLIP}", f"write {clip} {CHANGED}/old.yaml")
    with Machine(tmp_path / "one", [Drive(disk)]) as machine:
        chooses_rescue(machine)
        machine.types("3\n")
        machine.expect("Type RESET to go on")
        machine.types("no\n")
        machine.expect("Nothing was changed.")
        machine.types("3\n")
        machine.types("RESET\n")
        machine.expect("Done.", seconds=900)
        machine.ends()
    said = data_of(disk, tmp_path / "data", "ls -p /", "ls -p /kept-clips")
    assert "/system/" not in said
    [date] = [line.split("/")[5] for line in said.splitlines() if "/2" in line and line.endswith("Z//")]
    kept = data_of(disk, tmp_path / "data", f"cat /kept-clips/{date}/cameras/front/2026-01-31/a.sealed")
    assert "a sealed recording" in kept
    with Machine(tmp_path / "two", [Drive(disk)]) as machine:
        chooses_the_first(machine)
        machine.expect(PAGE, seconds=900)
        assert "[FAILED]" not in machine.said()
    assert "old.yaml" not in data_of(disk, tmp_path / "data", f"ls -p {CHANGED}")


def test_a_machine_whose_data_is_broken_is_rescued_and_erased(disk: Path, tmp_path: Path) -> None:
    entry = place(disk, layout.DATA)
    with disk.open("r+b") as file:
        file.seek(entry.offset)
        file.write(os.urandom(8 << 20))
    with Machine(tmp_path / "one", [Drive(disk)]) as machine:
        chooses_rescue(machine)
        machine.types("1\n")
        machine.expect("Data          cannot be read", seconds=300)
        machine.types("3\n")
        machine.types("RESET\n")
        machine.expect("mount failed", seconds=300)
        machine.types("4\n")
        machine.types("ERASE\n")
        machine.expect("Done.", seconds=900)
        machine.ends()
    with disk.open("rb") as file:
        file.seek(place(disk, layout.SEED).offset)
        assert file.read(seed_region.SIZE) == seed_region.empty()
    with Machine(tmp_path / "two", [Drive(disk)]) as machine:
        chooses_the_first(machine)
        machine.expect(PAGE, seconds=900)
        assert "[FAILED]" not in machine.said()
        assert "nothing is kept" not in machine.said()


def test_an_erasing_whose_power_was_cut_goes_on_at_the_next_start(disk: Path, tmp_path: Path) -> None:
    """As it looks in the middle: the order is there, the file system half gone."""
    entry = place(disk, layout.DATA)
    with disk.open("r+b") as file:
        file.seek(entry.offset)
        file.write(bytes(64 << 20))
    boot_file(disk, "reset", b"erase 20260131T080000Z\n")
    with Machine(tmp_path / "one", [Drive(disk)]) as machine:
        chooses_the_first(machine)
        machine.expect("It goes on; leave the power on.", PAGE, seconds=900)
        assert PAGE not in machine.said()
        machine.ends(seconds=600)
    with Machine(tmp_path / "two", [Drive(disk)]) as machine:
        chooses_the_first(machine)
        machine.expect(PAGE, seconds=900)
        assert "[FAILED]" not in machine.said()
        assert "nothing is kept" not in machine.said()


def test_from_the_installers_medium(stick: Path, disk: Path, tmp_path: Path) -> None:
    before = content(disk, layout.DATA)
    with Machine(tmp_path / "one", [Drive(stick, "usb"), Drive(disk, "nvme")]) as machine:
        chooses_rescue(machine)
        machine.types("1\n")
        machine.expect("Enrolment", seconds=900)
        assert "slot A is in force" in machine.said()
        machine.types("2\n")
        # The medium itself is nobody's place for files.
        machine.expect("There is no stick with FAT or exFAT")
        machine.types("6\n")
        machine.ends()
    assert content(disk, layout.DATA) == before
