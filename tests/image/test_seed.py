"""A seed on the stick: it answers for the owner who is not there, is taken once, and lies nowhere afterwards."""

import json
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.image import ssh
from tests.image.conftest import GIB, GUARDIAN, KEY, OUT, REFUSED, TOKEN, beginning, flip, holding, lies_on, seed
from tools.image import qemu
from tools.image.qemu import Drive, Machine, empty

from guardian.common import seed_region

pytestmark = pytest.mark.timeout(1800)


def document(name: str, **more: object) -> bytes:
    """A seed as it is copied to a stick, or handed over."""
    return json.dumps({"version": 2, "token": TOKEN, "name": name, **more}).encode()


def region(image: Path) -> bytes:
    """What lies in the seed's partition."""
    with image.open("rb") as file:
        file.seek(seed_region.find(file).offset)
        return file.read(seed_region.SIZE)


def lay(image: Path, payload: bytes) -> None:
    """A seed that `guardian image seed` would refuse, signed all the same."""
    with image.open("r+b") as file:
        place = seed_region.find(file)
        file.seek(place.offset)
        file.write(seed_region.pack(payload, place.image_id, Ed25519PrivateKey.from_private_bytes(KEY.read_bytes())))


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A disk with a system and no seed."""
    return qemu.copy(OUT / "guardian-edge.raw", tmp_path / "disk.img")


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
    assert region(path) == seed_region.empty()
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
    seed(stick, key)
    if fault == "expired":
        lay(stick, document("Hall", expires="2020-01-01T00:00:00Z"))
    if fault == "damaged":
        with stick.open("rb") as file:
            place = seed_region.find(file).offset
        flip(stick, place + 200)
    path = empty(tmp_path / "disk.img", 5 * GIB)
    with Machine(tmp_path / "one", [Drive(stick, "usb"), Drive(path)]) as machine:
        machine.expect(REFUSED, seconds=900)
        assert FAULTS[fault] in machine.said()
    assert not any(beginning(path))


# What the page says while a node cannot be reached: enrolment has begun.
BEGUN = "node.invalid:7444"


def test_a_hypervisor_hands_one_over_in_smbios(disk: Path, tmp_path: Path) -> None:
    with Machine(tmp_path / "first", [Drive(disk)], credentials={"guardian.seed": document("Hall")}) as machine:
        machine.expect(BEGUN, seconds=900)
        assert "[FAILED]" not in machine.said()
    assert not lies_on(disk)
    # Without it: what was taken is in the store, and lasts.
    with Machine(tmp_path / "second", [Drive(disk)]) as machine:
        machine.expect(BEGUN, seconds=900)


def test_a_stick_somebody_made_by_hand_is_taken_and_wiped(disk: Path, tmp_path: Path) -> None:
    stick = empty(tmp_path / "stick.img", 64 << 20)
    (tmp_path / "seed").write_bytes(document("Hall"))
    subprocess.run(["mkfs.vfat", "-F", "32", "-n", "GUARDIAN", str(stick)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["mcopy", "-i", str(stick), str(tmp_path / "seed"), "::guardian-seed.json"], check=True)
    assert lies_on(stick)
    with Machine(tmp_path / "first", [Drive(disk), Drive(stick, "usb")]) as machine:
        machine.expect(BEGUN, seconds=900)
        assert "[FAILED]" not in machine.said()
    assert not lies_on(stick)
    assert not lies_on(disk)


def test_beside_an_installers_stick_a_disk_takes_its_own(disk: Path, stick: Path, tmp_path: Path) -> None:
    seed(disk, KEY, "--name", "Disk")
    seed(stick, KEY, "--name", "Stick")
    before = region(stick)
    with Machine(tmp_path / "first", [Drive(disk), Drive(stick, "usb")]) as machine:
        machine.expect(BEGUN, seconds=900)
    assert region(disk) == seed_region.empty()
    assert region(stick) == before


def test_its_key_comes_in_by_ssh_and_no_other(disk: Path, tmp_path: Path) -> None:
    known, _ = (ssh.key(tmp_path / name) for name in ("good", "other"))
    line = ssh.Line.free()

    def comes_in(name: str) -> str:
        done = line.run(tmp_path / name, "cat /etc/timezone")
        return done.stdout.strip() or done.stderr

    given = {"guardian.seed": document("Hall", ssh_key=known, timezone="Europe/Berlin")}
    with Machine(tmp_path / "first", [Drive(disk)], network=line.network, credentials=given) as machine:
        machine.expect("open to SHA256:", seconds=900)
        machine.expect("10.0.2.", seconds=300)
        assert comes_in("good") == "Europe/Berlin"
        assert "Permission denied" in comes_in("other")
    with Machine(tmp_path / "second", [Drive(disk)], network=line.network) as machine:
        machine.expect("open to SHA256:", seconds=900)
        machine.expect("10.0.2.", seconds=300)
        assert comes_in("good") == "Europe/Berlin"
