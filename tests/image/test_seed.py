"""A seed on the stick: it answers for the owner who is not there, is taken once, and lies nowhere afterwards."""

import subprocess
from pathlib import Path

import pytest
from tests.image.conftest import GIB, GUARDIAN, KEY, REFUSED, beginning, flip, holding, lies_on, seed
from tools.image.qemu import Drive, Machine, empty

from guardian.common import seed_region

pytestmark = pytest.mark.timeout(1800)


def test_an_unattended_one_is_taken_once_and_wiped(stick: Path, tmp_path: Path) -> None:
    path = holding(tmp_path / "disk.img")
    seed(stick, KEY, "--name", "Front door", "--unattended")
    with Machine(tmp_path / "first", [Drive(stick, "usb"), Drive(path)]) as machine:
        assert machine.expect("Done. Take the stick out", REFUSED, "Type ERASE", seconds=900).startswith("Done")
        assert "The seed is for Front door." in machine.said()
        machine.ends()
    assert lies_on(path)
    with Machine(tmp_path / "second", [Drive(path)]) as machine:
        # The page: enrolment has begun, and waits for a network.
        machine.expect("Private AI Guardian", seconds=600)
        machine.expect("Plug in a network cable", seconds=300)
    with path.open("rb") as disk:
        disk.seek(seed_region.find(disk).offset)
        assert disk.read(seed_region.SIZE) == seed_region.empty()
    assert not lies_on(path)


FAULTS = {
    "expired": "The seed's token ended",
    "foreign": "Nobody who is trusted here has signed this seed",
    "damaged": "The seed was damaged on its way",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_that_cannot_be_used_stops_it_before_a_disk_is_touched(stick: Path, tmp_path: Path, fault: str) -> None:
    key = KEY
    if fault == "foreign":
        key = tmp_path / "other.key"
        subprocess.run([*GUARDIAN, "key", str(key)], check=True)
    seed(stick, key, *(["--expires", "2020-01-01T00:00:00Z"] if fault == "expired" else []))
    if fault == "damaged":
        with stick.open("rb") as file:
            place = seed_region.find(file).offset
        flip(stick, place + 200)
    path = empty(tmp_path / "disk.img", 5 * GIB)
    with Machine(tmp_path / "one", [Drive(stick, "usb"), Drive(path)]) as machine:
        machine.expect(REFUSED, seconds=900)
        assert FAULTS[fault] in machine.said()
    assert not any(beginning(path))
