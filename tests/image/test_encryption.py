"""Encryption to a TPM 2.0: a disk that nobody else reads, a machine that opens it alone, and its recovery key."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.image import ssh
from tests.image.conftest import GIB, KEY, REFUSED, beginning, lies_on, seed
from tools.image.qemu import Drive, Machine, empty

from guardian.appliance import layout, luks
from guardian.common import gpt

pytestmark = pytest.mark.timeout(5400)
# The page, of a machine that has taken its seed.
PAGE = "open to SHA256:"
ASKS = "Recovery key:"
# Written by the test to what must not be readable.
MARK = "a-mark-in-the-data-of-this-machine"


@dataclass
class Box:
    """One machine, whose TPM may be another one."""

    folder: Path
    disk: Path
    line: ssh.Line

    @property
    def key(self) -> Path:
        """Of who looks after it."""
        return self.folder / "key"

    def starts(self, tpm: str) -> Machine:
        """From its disk."""
        return Machine(self.folder / "machine", [Drive(self.disk)], network=self.line.network, tpm=self.folder / tpm)

    def says(self, command: str, given: str = "") -> str:
        """A command on it as root, by SSH."""
        done = self.line.run(self.key, command, given=given)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A machine with an empty disk."""
    found = Box(tmp_path, empty(tmp_path / "disk.img", 5 * GIB), ssh.Line.free())
    ssh.key(found.key)
    return found


def header(disk: Path, scratch: Path) -> Path:
    """The head of the data partition, as whoever has the disk copies it."""
    with disk.open("rb") as file:
        file.seek(gpt.read(file).entries[layout.DATA.number - 1].offset)
        scratch.write_bytes(file.read(17 << 20))
    return scratch


def test_encrypted_it_starts_by_itself_and_on_another_tpm_by_its_recovery_key(stick: Path, box: Box) -> None:
    seed(stick, KEY, "--name", "Hall", "--unattended", "--encrypt", "--ssh-key", f"{box.key}.pub")
    drives = [Drive(stick, "usb"), Drive(box.disk)]
    with Machine(box.folder / "installer", drives, tpm=box.folder / "tpm") as machine:
        assert machine.expect("Done. Take the stick out", REFUSED, seconds=1200) != REFUSED, machine.said()[-3000:]
        assert "will be encrypted" in machine.said()
        machine.ends()
    told = header(box.disk, box.folder / "header")
    assert luks.is_luks(told)
    assert luks.binding(told) == luks.Binding(2, (luks.PCR,))
    # A larger disk than it was installed to: it takes all of it.
    with box.disk.open("r+b") as file:
        file.truncate(6 * GIB)
    key = opens_by_itself(box)
    for secret in (luks.typed(key), key, MARK):
        assert not lies_on(box.disk, secret)
    assert not lies_on(box.disk)
    asks_for_its_key_on_another_tpm(box, key)
    is_bound_to_that_one_then(box)


def opens_by_itself(box: Box) -> str:
    """By its own TPM, nobody at the machine; its recovery key."""
    with box.starts("tpm") as machine:
        assert machine.expect(PAGE, ASKS, seconds=900) == PAGE
        machine.expect("not written down yet", seconds=300)
        machine.expect("10.0.2.", seconds=300)
        told = json.loads(box.says("guardian disk status --json"))
        assert told == {
            "mounted": True,
            "encrypted": True,
            "tpm": True,
            "pcrs": [luks.PCR],
            "slots": 2,
            "written_down": False,
        }
        box.says("systemctl start guardian-grow")
        size = int(box.says("blockdev --getsize64 /dev/mapper/guardian-data"))
        blocks = int(box.says("df --block-size=1 --output=size /run/image/data | tail -n 1"))
        with box.disk.open("rb") as file:
            whole = gpt.read(file).entries[layout.DATA.number - 1].size
        assert size == whole - (16 << 20)
        assert blocks > size * 9 // 10
        key = box.says("guardian disk recovery-key").strip()
        assert "does not know" in box.says("guardian disk recovery-key --written-down")
        assert "written down" in box.says("guardian disk status")
        # Neither in the journal nor anywhere else that is kept.
        places = "/run/image/data/system /etc /run/image/unlock"
        assert box.says(f"grep -rlaF -e {luks.typed(key)} -e {key} {places} || true") == ""
        box.says(f"echo {MARK} > /var/lib/guardian/mark && sync")
        assert "[FAILED]" not in machine.said()
        box.says("systemctl poweroff --no-block")
        machine.ends(seconds=300)
    return key


def asks_for_its_key_on_another_tpm(box: Box, key: str) -> None:
    """As after a change of firmware, or in another machine."""
    with box.starts("another") as machine:
        assert machine.expect(PAGE, ASKS, seconds=900) == ASKS
        machine.types("bcde-fghi-jkln-rtuv-bcde-fghi-jkln-rtuv\n")
        machine.expect("That is not the recovery key", PAGE, seconds=300)
        assert PAGE not in machine.said()
        machine.types(f"{key.upper()}\n")
        machine.expect(PAGE, seconds=900)
        machine.expect("guardian disk rebind", seconds=120)
        machine.expect("10.0.2.", seconds=300)
        assert key not in machine.said() and luks.typed(key) not in machine.said()
        assert key.upper() not in machine.said()
        assert MARK in box.says("cat /var/lib/guardian/mark")
        assert "from the next start on" in box.says("guardian disk rebind --key-stdin", f"{key}\n")
        assert luks.Binding(2, (luks.PCR,)) == luks.parse(
            box.says('cryptsetup luksDump --dump-json-metadata "$(readlink -f /dev/disk/by-partlabel/guardian-data)"')
        )
        box.says("systemctl poweroff --no-block")
        machine.ends(seconds=300)


def is_bound_to_that_one_then(box: Box) -> None:
    """It starts by itself."""
    with box.starts("another") as machine:
        assert machine.expect(PAGE, ASKS, seconds=900) == PAGE
        assert "[FAILED]" not in machine.said()


def test_without_a_tpm_nothing_is_touched(stick: Path, tmp_path: Path) -> None:
    seed(stick, KEY, "--name", "Hall", "--unattended", "--encrypt")
    path = empty(tmp_path / "disk.img", 5 * GIB)
    with Machine(tmp_path / "one", [Drive(stick, "usb"), Drive(path)]) as machine:
        machine.expect(REFUSED, seconds=900)
        assert "this machine has no TPM 2.0" in machine.said()
    assert not any(beginning(path))
