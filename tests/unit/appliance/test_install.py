"""An installation that cannot go on says why on the screen, and what became of the disks."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.imaging.installer import medium_at
from tests.unit.appliance.test_screen import Person

from guardian.appliance import disks, install, ours
from guardian.appliance.medium import MediumError
from guardian.appliance.screen import Screen
from guardian.appliance.writing import Payload
from guardian.common.errors import GuardianError

# Whoever writes to it hears from the kernel that it takes nothing.
FULL = {"path": "/dev/full", "type": "disk", "size": 64 * 10**9, "rm": False, "ro": False, "hotplug": False}
Told = Callable[[], str]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """Run the installer from a small medium, `lsblk` telling of a disk that takes nothing; what somebody sees then."""
    medium_at(tmp_path / "stick")
    (tmp_path / "medium-device").write_text(str(tmp_path / "stick"))
    (tmp_path / "guardian.json").write_text(json.dumps({"version": "0.2.0", "image": "", "files": {}}))
    monkeypatch.setattr(ours, "MEDIUM", tmp_path / "medium-device")
    monkeypatch.setattr(install, "FILES", tmp_path)
    monkeypatch.setattr(disks, "whole", lambda device: device)
    monkeypatch.setattr(sys, "argv", ["guardian-install"])
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    lists(tmp_path)
    person = Person()
    # Where this machine has a TPM it is asked.
    person.types("n")
    monkeypatch.setattr(install, "SCREENS", [person.path])

    def run() -> str:
        with pytest.raises(SystemExit):
            install.main()
        seen = person.read()
        assert "Nothing more happens here" in seen.splitlines()[-1]
        return seen

    yield run
    person.leaves()


def lists(folder: Path, **more: object) -> None:
    """What `lsblk` tells of a disk."""
    listed = json.dumps({"blockdevices": [FULL | {"tran": "nvme", "mountpoints": [None]} | more]})
    program(folder / "lsblk", f"echo '{listed}'")


def program(path: Path, text: str) -> None:
    """One that is found before the system's own."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_disk_that_takes_nothing(told: Told) -> None:
    seen = told()
    assert "/dev/full  64.0 GB  nvme  no name  (empty)" in seen
    assert "No space left on device. /dev/full was being written to: what it held is lost." in seen


def test_a_disk_of_data_that_no_program_knows_is_asked_for(told: Told, tmp_path: Path) -> None:
    """As plain dm-crypt and VeraCrypt leave one: nothing that lsblk could name, no byte like another."""
    disk = tmp_path / "disk"
    data = random.Random(3).randbytes(1 << 20)
    disk.write_bytes(data)
    lists(tmp_path, path=str(disk))
    person = Person()
    person.types("n", "yes", "ERASE")
    with Screen([person.path]) as screen:
        plan = install.prepared(screen)
    seen = person.read()
    person.leaves()
    assert f"{disk} holds data of no known kind. All of it will be gone." in seen
    assert "Nothing was changed." in seen
    assert plan.disk.path == str(disk)
    assert disk.read_bytes() == data


def test_a_stick_that_cannot_be_read(told: Told, tmp_path: Path) -> None:
    (tmp_path / "medium-device").write_text("/proc/self/mem")
    seen = told()
    assert "This medium is not as it was made" in seen
    assert "No disk was touched" in seen


def test_a_stick_that_is_not_there_any_more(told: Told, tmp_path: Path) -> None:
    (tmp_path / "guardian.json").unlink()
    assert "No disk was touched" in told()


def test_disks_that_cannot_be_listed(told: Told, tmp_path: Path) -> None:
    program(tmp_path / "lsblk", "exit 32")
    assert "lsblk failed with status 32. No disk was touched." in told()


def test_a_program_that_hangs() -> None:
    with pytest.raises(GuardianError) as caught, install.explained("Nothing was done.", "Wait."):
        subprocess.run(["sleep", "60"], check=True, timeout=0.1)
    assert str(caught.value) == "sleep did not end within 0 seconds. Nothing was done. Wait."


def test_a_stick_that_breaks_while_the_disk_is_written_is_not_taken_for_the_disk(tmp_path: Path) -> None:
    (tmp_path / "system.squashfs").symlink_to("/proc/self/mem")
    with pytest.raises(MediumError, match="written to in part") as caught:
        Payload(tmp_path, {}, "0.2.0").lay("system.squashfs", tmp_path / "copy")
    assert caught.value.reason == "medium_lost"


def test_a_disk_that_breaks_is_not_taken_for_the_stick(tmp_path: Path) -> None:
    (tmp_path / "system.squashfs").write_bytes(b"hsqs" * 10_000)
    with pytest.raises(OSError, match="No space left"):
        Payload(tmp_path, {}, "0.2.0").lay("system.squashfs", Path("/dev/full"))
