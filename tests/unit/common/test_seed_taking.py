"""Which seed a machine takes, when several lie there, when it is somebody's, when it lost its power or its data."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.common import seed_image, seed_region, seed_state, seed_taking
from guardian.common.errors import GuardianError
from guardian.common.seed_image import Image
from guardian.common.tokens import Token

KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
IMAGE_ID = bytes(range(16))
OURS, THEIRS = "ab" * 32, "cd" * 32
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKUHBFPErWYdhKF1VgXzpEUMTOUt0vbUy6mrCXd9nBGD ann@desk"
NO_SEED = "There is no seed."


def made(name: str, **more: Any) -> bytes:
    """A seed with a token of its own."""
    token = str(Token.create("node.test:7444", "0" * 64))
    return json.dumps({"version": 2, "token": token, "name": name, **more}).encode()


class Box:
    """A machine from an image, with all the places a seed may come from, and what its unit is told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.store, self.given = (folder / n for n in ("", "state", "store", "given"))
        self.file, self.stick = folder / "seed.json", folder / "stick"
        self.image = Image(folder / "partition", folder / "keys", folder / "image-id", folder / "started")
        for made_here in (self.store, self.given, self.image.keys):
            made_here.mkdir()
        line = seed_image.public_line(KEY.public_key().public_bytes_raw())
        (self.image.keys / "ours.pub").write_text(line)
        self.image.image_id.write_text(IMAGE_ID.hex())
        self.image.partition.write_bytes(seed_region.empty())
        self.tell("identity", b"\n")

    def tell(self, name: str, content: bytes) -> None:
        """A credential of the unit."""
        (self.given / name).write_bytes(content)

    def enrol(self, household: str) -> None:
        """As a seed named its household."""
        self.tell("identity", json.dumps({"edge": "00" * 16, "fingerprint": household}).encode())

    def lay(self, raw: bytes, key: Ed25519PrivateKey = KEY) -> None:
        """Into the image's partition, signed."""
        self.image.partition.write_bytes(seed_region.pack(raw, IMAGE_ID, key))

    def hand_over(self, raw: bytes) -> None:
        """As a hypervisor does."""
        self.tell(seed_taking.SYSTEM_CREDENTIAL, raw)

    def plug_in(self, raw: bytes) -> None:
        """A stick with it."""
        self.stick.write_bytes(b"")
        os.truncate(self.stick, 4 << 20)
        aside = self.folder / "to-copy"
        aside.write_bytes(raw)
        subprocess.run(["mkfs.vfat", "-n", "GUARDIAN", str(self.stick)], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["mcopy", "-i", str(self.stick), str(aside), "::guardian-seed.json"], check=True)

    def take(self) -> str:
        """As at a start."""
        return seed_taking.take(self.file, self.store, self.state, self.image, self.stick)

    def refuses(self) -> str:
        """The reason; the store is as it was."""
        before = {path: path.read_bytes() for path in self.store.iterdir()}
        with pytest.raises(GuardianError) as caught:
            self.take()
        assert {path: path.read_bytes() for path in self.store.iterdir()} == before
        return caught.value.reason

    def has(self) -> str:
        """The name in the seed that is in the store."""
        command = ["systemd-creds", "decrypt", "--name=seed", str(self.store / "guardian.seed"), "-"]
        return str(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["name"])

    def is_empty(self) -> bool:
        """Of the partition."""
        return self.image.partition.read_bytes() == seed_region.empty()


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    """Nobody's yet, without any seed."""
    monkeypatch.setenv("SYSTEMD_CREDENTIAL_SECRET", str(tmp_path / "machine.secret"))
    found = Box(tmp_path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(found.given))
    return found


def spoil(box: Box, fault: str) -> None:
    """What lies in the partition is of no use."""
    if fault == "seed_expired":
        box.lay(made("old", expires="2020-01-01T00:00:00Z"))
    elif fault == "seed_malformed":
        box.lay(b"{}")
    else:
        box.lay(made("old"), STRANGER)
    if fault in ("seed_damaged", "seed_region_missing"):
        raw = bytearray(box.image.partition.read_bytes())
        raw[200 if fault == "seed_damaged" else 0] ^= 1
        box.image.partition.write_bytes(raw)


@pytest.mark.parametrize(
    "fault", ["seed_expired", "seed_foreign", "seed_damaged", "seed_malformed", "seed_region_missing"]
)
@pytest.mark.parametrize("way", ["stick", "boot"])
def test_a_partition_of_no_use_keeps_no_other_seed_out_and_is_emptied_by_it(box: Box, fault: str, way: str) -> None:
    spoil(box, fault)
    assert box.refuses() == fault
    assert not box.is_empty()
    (box.plug_in if way == "stick" else box.hand_over)(made("new"))
    assert box.take().startswith("The seed was taken from the")
    assert box.has() == "new"
    assert box.is_empty()
    # The next start finds no fault.
    assert box.take() == (NO_SEED if way == "stick" else "The seed of this boot was taken before.")


def test_of_several_faults_what_somebody_did_last_is_said(box: Box) -> None:
    spoil(box, "seed_expired")
    box.plug_in(b"{}")
    assert box.refuses() == "seed_malformed"
    box.stick.write_bytes(b"NTFS" * 4096)
    assert box.refuses() == "stick_unreadable"
    assert not box.is_empty()


def test_a_partition_of_another_size_is_never_written_to(box: Box) -> None:
    odd = b"somebody's" * 7000
    box.image.partition.write_bytes(odd)
    box.hand_over(made("new"))
    assert box.take() == "The seed was taken from the boot's credentials."
    assert box.image.partition.read_bytes() == odd


def test_a_medium_that_does_not_answer_is_named(box: Box) -> None:
    # Open to be written to alone: the kernel refuses a read, as it does of a broken disk.
    with FileIO(os.open(box.image.partition, os.O_WRONLY), "wb") as file, pytest.raises(GuardianError) as caught:
        seed_image.Partition(file, box.image.partition).read()
    assert str(box.image.partition) in str(caught.value)
    assert caught.value.reason == "seed_unreadable"


def test_a_store_that_refuses_costs_no_seed(box: Box) -> None:
    box.lay(made("image"))
    box.hand_over(made("boot"))
    whole = box.image.partition.read_bytes()
    (box.folder / "plain").touch()
    box.store = box.folder / "plain" / "store"
    with pytest.raises(GuardianError) as caught:
        box.take()
    assert caught.value.reason == "credential_failed"
    assert box.image.partition.read_bytes() == whole


def test_a_seed_that_was_taken_once_never_comes_back(box: Box) -> None:
    first, second = made("first", ssh_key=SSH), made("second")
    box.hand_over(first)
    box.take()
    assert seed_state.read_settings(box.state).ssh_key == SSH
    box.lay(second)
    box.take()
    for lay_again in (lambda: None, lambda: box.lay(first), lambda: box.plug_in(first)):
        lay_again()
        assert box.take().endswith("was taken before.")
        assert box.has() == "second"
        assert seed_state.read_settings(box.state).ssh_key == ""
        assert box.is_empty()
    # Root's own file is an order, whatever was before.
    box.file.write_bytes(first)
    box.take()
    assert box.has() == "first"


def test_what_a_release_before_this_noted_of_its_seed_counts(box: Box) -> None:
    """One digest, and no line's end."""
    raw = made("front")
    box.lay(raw)
    box.state.mkdir()
    (box.state / seed_state.TAKEN).write_text(hashlib.sha256(raw).hexdigest())
    assert box.take() == "The seed of this image was taken before."


@pytest.mark.parametrize(
    ("identity", "named", "taken"),
    [
        ({"fingerprint": OURS}, OURS, True),
        ({"fingerprint": OURS}, THEIRS, False),
        ({"fingerprint": OURS}, "", False),
        ({"fingerprint": ""}, "", False),
        ({}, OURS, False),
        ([], OURS, False),
    ],
)
@pytest.mark.parametrize("way", ["partition", "boot"])
def test_an_enrolled_machine_takes_a_seed_of_its_own_household_alone(
    box: Box, identity: object, named: str, taken: bool, way: str
) -> None:
    box.tell("identity", json.dumps(identity).encode())
    (box.lay if way == "partition" else box.hand_over)(made("front", fingerprint=named))
    if taken:
        assert box.take().startswith("The seed was taken from")
    else:
        assert box.refuses() == "seed_other_household"


def test_of_more_seeds_than_a_machine_takes_in_its_life_the_newest_count(tmp_path: Path) -> None:
    for number in range(514):
        seed_state.mark_taken(b"%d" % number, tmp_path)
    assert not seed_state.was_taken(b"1", tmp_path)
    assert seed_state.was_taken(b"2", tmp_path)
    assert seed_state.was_taken(b"513", tmp_path)
    seed_state.mark_taken(b"2", tmp_path)
    assert seed_state.was_taken(b"3", tmp_path)
    (tmp_path / seed_state.TAKEN).write_bytes(b"\xff\n../etc\n")
    assert not seed_state.was_taken(b"2", tmp_path)


def test_root_may_order_another_household_by_a_file(box: Box) -> None:
    box.enrol(OURS)
    box.file.write_bytes(made("file", fingerprint=THEIRS))
    assert box.take() == "The seed was taken and its file wiped."


def test_a_stick_left_in_an_enrolled_machine_keeps_no_other_seed_out(box: Box) -> None:
    box.enrol(OURS)
    box.plug_in(made("stick", fingerprint=OURS))
    assert box.take() == "The stick was left alone: this machine is enrolled."
    box.hand_over(made("ours", fingerprint=OURS))
    assert box.take() == "The seed was taken from the boot's credentials."
    assert box.has() == "ours"


CUT = """
import resource, sys
from pathlib import Path
from guardian.common import seed_taking
from guardian.common.seed_image import Image
file, store, state, stick, *image = map(Path, sys.argv[1:])
# The disk takes one sector more.
resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
print(seed_taking.take(file, store, state, Image(*image), stick))
"""


def test_an_emptying_that_was_cut_off_goes_on_at_the_next_start(box: Box) -> None:
    raw = made("front", wifi={"ssid": "Home", "psk": "seven quiet herons"}, ssh_key=SSH, timezone="Europe/Berlin")
    box.lay(raw)
    seed_state.mark_taken(raw, box.state)
    image = (box.image.partition, box.image.keys, box.image.image_id, box.image.started)
    words = [str(path) for path in (box.file, box.store, box.state, box.stick, *image)]
    subprocess.run([sys.executable, "-B", "-c", CUT, *words], check=True, capture_output=True)
    torn = box.image.partition.read_bytes()
    assert torn.startswith(seed_region.empty()[:512]) and any(torn[512:])
    assert box.take() == NO_SEED
    assert box.is_empty()
    # The other way round: the head is the seed's, the rest is gone.
    box.lay(raw)
    seed_state.note_emptying(box.state)
    with box.image.partition.open("r+b") as file:
        file.seek(512)
        file.write(bytes(seed_region.SIZE - 512))
    assert box.take() == NO_SEED
    assert box.is_empty()
    # It has ended: what is damaged now is damaged.
    spoil(box, "seed_damaged")
    assert box.refuses() == "seed_damaged"


def test_the_note_of_an_emptying_that_reached_its_end_goes_too(box: Box) -> None:
    seed_state.note_emptying(box.state)
    assert box.take() == NO_SEED
    assert not seed_state.is_emptying(box.state)
    seed_state.note_emptying(box.state)
    # And keeps no sound seed out.
    box.lay(made("new"))
    assert box.take() == "The seed was taken from the image, which is empty now."
    assert not seed_state.is_emptying(box.state)


STARTED = """
mkdir started state && mount -t tmpfs run started && mkdir started/data && echo a > started/slot
mount -t tmpfs data started/data && mkdir started/data/state started/data/store
mount --bind started/data/state state
"$@"
mount --bind started/data/store store
"$@"
umount state store started/data
"$@"
"""
TAKEN = """
import sys
from pathlib import Path
from guardian.common import seed_taking
from guardian.common.errors import GuardianError
from guardian.common.seed_image import Image
names = ("seed.json", "store", "state", "partition", "keys", "image-id", "started", "stick")
file, store, state, *image, stick = (Path.cwd() / name for name in names)
try:
    print(seed_taking.take(file, store, state, Image(*image), stick))
except GuardianError as error:
    print(error.reason)
"""


def test_a_machine_that_started_without_its_data_takes_no_seed(box: Box) -> None:
    """In a name space of its own: with half of it, with all of it, then without, as when nobody had the key."""
    box.plug_in(made("stick", ssh_key=SSH))
    before = box.stick.read_bytes()
    script = f"set -e\n{STARTED}"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    done = subprocess.run(
        [*command, sys.executable, "-B", "-c", TAKEN], cwd=box.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if "seed_taken" not in line]
    assert said == ["data_closed", "The seed was taken from the stick, which has it no more.", "data_closed"]
    # What was kept was on the data partition, and the stick was not touched before.
    assert list(box.store.iterdir()) == []
    assert box.stick.read_bytes() != before


@pytest.mark.parametrize("lay", [lambda box, raw: box.file.write_bytes(raw), Box.lay, Box.plug_in, Box.hand_over])
def test_such_a_machine_touches_none(box: Box, lay: Callable[[Box, bytes], object]) -> None:
    box.image.started.mkdir()
    (box.image.started / "slot").write_text("a\n")
    lay(box, made("front"))
    places = [path for path in (box.file, box.image.partition, box.stick) if path.exists()]
    before = [path.read_bytes() for path in places]
    assert box.refuses() == "data_closed"
    assert [path.read_bytes() for path in places] == before
