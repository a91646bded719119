"""The bootstrap seed: read as data, put into the real credential store, wiped where it was."""

import base64
import json
import lzma
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from guardian.common import credstore, seed, seed_image, seed_region, seed_state, seed_taking, wifi
from guardian.common.errors import GuardianError
from guardian.common.secrets import SecretError
from guardian.common.seed_image import Image
from guardian.common.seed_settings import Wifi
from guardian.common.seed_state import Settings
from guardian.common.tokens import Token

TOKEN = str(Token.create("node.test:7444", "0" * 64))
GOOD = {"version": 1, "token": TOKEN, "name": "front"}
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKUHBFPErWYdhKF1VgXzpEUMTOUt0vbUy6mrCXd9nBGD ann@desk"
# A point of ECDSA that is written in short: the library raises what nothing else makes it raise.
_POINT = (b"ecdsa-sha2-nistp256", b"nistp256", b"\x02" + bytes(32))
SHORT_POINT = f"ecdsa-sha2-nistp256 {base64.b64encode(b''.join(len(p).to_bytes(4) + p for p in _POINT)).decode()}"
FULL = {
    **GOOD,
    "version": 2,
    "fingerprint": "ab" * 32,
    "locale": "de_DE.UTF-8",
    "timezone": "America/Argentina/Buenos_Aires",
    "wifi": {"ssid": "Café 5", "psk": "seven quiet herons"},
    "unattended": True,
    "encrypt": True,
    "ssh_key": SSH,
    "expires": "2999-01-01T00:00:00Z",
}
KEY = Ed25519PrivateKey.generate()
IMAGE_ID = bytes(range(16))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential store of this test's own, under a machine key of its own."""
    monkeypatch.setenv("SYSTEMD_CREDENTIAL_SECRET", str(tmp_path / "machine.secret"))
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


def decrypted(store: Path, name: str) -> bytes:
    """What a unit would be given; the name is sealed in."""
    command = ["systemd-creds", "decrypt", f"--name={name}", str(store / f"guardian.{name}"), "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def taken(tmp_path: Path, store: Path, content: dict[str, Any] | bytes) -> str:
    source = tmp_path / "seed.json"
    source.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return seed_taking.take(source, store, tmp_path / "state")


def test_a_seed_is_taken_into_the_store_and_wiped_where_it_was(tmp_path: Path, store: Path) -> None:
    source = tmp_path / "seed.json"
    source.write_text(json.dumps(GOOD))
    # Another name of the same file would show what is left of its bytes.
    held = source.open("rb")
    assert seed_taking.take(source, store, tmp_path / "state") == "The seed was taken and its file wiped."
    assert not source.exists()
    assert held.read() == b""
    held.close()
    assert seed.parse(decrypted(store, "seed")).token == TOKEN
    assert TOKEN.encode() not in (store / "guardian.seed").read_bytes()
    assert (store / "guardian.seed").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in store.iterdir()) == ["guardian.seed"]


def test_a_boot_credential_is_taken_once(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "guardian.seed").write_text(json.dumps(GOOD))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    nothing, state = tmp_path / "none.json", tmp_path / "state"
    assert seed_taking.take(nothing, store, state) == "The seed was taken from the boot's credentials."
    credstore.remove("seed", store)
    # It is there at every boot; spent, it must not come back.
    assert seed_taking.take(nothing, store, state) == "The seed of this boot was taken before."
    assert list(store.iterdir()) == []


def test_no_seed_is_no_fault(tmp_path: Path, store: Path) -> None:
    assert seed_taking.take(tmp_path / "none.json", store, tmp_path / "state") == "There is no seed."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 5000,
        json.dumps({**GOOD, "version": 3}).encode(),
        json.dumps({**GOOD, "locale": "de_DE.UTF-8"}).encode(),
        json.dumps({**GOOD, "version": True}).encode(),
        json.dumps({**GOOD, "run": "reboot"}).encode(),
        json.dumps({**GOOD, "name": "a\nb"}).encode(),
        json.dumps({**GOOD, "name": "n" * 65}).encode(),
        json.dumps({**GOOD, "name": 7}).encode(),
        json.dumps({**GOOD, "token": "gdn1.half"}).encode(),
        json.dumps({"name": "front"}).encode(),
        (json.dumps(GOOD)[:-1] + ', "token": "gdn1.x"}').encode(),
        json.dumps({**GOOD, "pad": "x" * 9000}).encode(),
    ],
)
def test_what_is_no_seed_is_refused_and_stays(tmp_path: Path, store: Path, content: bytes) -> None:
    with pytest.raises(seed.SeedError) as caught:
        taken(tmp_path, store, content)
    assert caught.value.reason == "seed_malformed"
    assert "gdn1.half" not in str(caught.value)
    assert (tmp_path / "seed.json").read_bytes() == content
    assert list(store.iterdir()) == []


def test_a_seed_may_be_no_link_and_no_pipe(tmp_path: Path, store: Path) -> None:
    real = tmp_path / "elsewhere"
    real.write_text(json.dumps(GOOD))
    for make in (lambda path: path.symlink_to(real), lambda path: os.link(real, path), os.mkfifo):
        source = tmp_path / "seed.json"
        make(source)
        with pytest.raises(seed.SeedError):
            seed_taking.take(source, store, tmp_path / "state")
        source.unlink()
    assert real.read_text() == json.dumps(GOOD)


def test_a_version_may_be_left_out(tmp_path: Path, store: Path) -> None:
    taken(tmp_path, store, {"token": TOKEN})
    assert seed.parse(decrypted(store, "seed")).name == ""


def test_a_store_that_refuses_leaves_the_seed_where_it_is(tmp_path: Path, store: Path) -> None:
    (store / "no folder").touch()
    with pytest.raises(credstore.CredentialError):
        taken(tmp_path, store / "no folder" / "below", GOOD)
    assert json.loads((tmp_path / "seed.json").read_text()) == GOOD


@given(st.binary(max_size=400))
def test_any_bytes_are_a_seed_or_an_error_of_ours(data: bytes) -> None:
    try:
        assert seed.parse(data).token.startswith("gdn1.")
    except seed.SeedError as error:
        assert error.reason == "seed_malformed"


def test_a_seed_never_prints_its_token() -> None:
    assert TOKEN not in repr(seed.parse(json.dumps(GOOD).encode()))


def test_the_seed_is_read_from_the_units_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SecretError):
        seed.read(tmp_path / "identity")
    (tmp_path / "seed").write_text(json.dumps(GOOD))
    assert seed.read(tmp_path / "identity").name == "front"


def test_what_a_machine_made_from_an_image_is_told() -> None:
    found = seed.parse(json.dumps(FULL).encode())
    assert found.model_dump(exclude_unset=True) == FULL
    assert found.wifi is not None
    for text in (repr(found), str(found), repr(found.wifi), str(found.wifi)):
        assert TOKEN not in text and "herons" not in text
    # Later versions know nothing that may not be left out.
    assert seed.parse(json.dumps({"version": 2, "token": TOKEN}).encode()).wifi is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fingerprint", "AB" * 32),
        ("fingerprint", "ab" * 31),
        ("locale", "de_DE\nFOO=1"),
        ("locale", "x" * 33),
        ("locale", "../../etc"),
        ("locale", "de;reboot"),
        ("timezone", "../../etc/passwd"),
        ("timezone", "Europe/../../etc"),
        ("timezone", "/etc/passwd"),
        ("timezone", "Europe/Berlin\n"),
        ("timezone", "a/b/c/d"),
        ("wifi", {"ssid": "", "psk": "longenough"}),
        ("wifi", {"ssid": "é" * 17, "psk": "longenough"}),
        ("wifi", {"ssid": "a\nb", "psk": "longenough"}),
        ("wifi", {"ssid": "net", "psk": "short"}),
        ("wifi", {"ssid": "net", "psk": "x" * 65}),
        ("wifi", {"ssid": "net", "psk": "g" * 64}),
        ("wifi", {"ssid": "net", "psk": "line\nbreak"}),
        ("wifi", {"ssid": "net", "psk": "umläutig"}),
        ("wifi", {"ssid": "net", "psk": "longenough", "hidden": True}),
        ("wifi", {"ssid": "net"}),
        ("wifi", ["net", "longenough"]),
        ("unattended", "yes"),
        ("unattended", 1),
        ("encrypt", "yes"),
        ("encrypt", None),
        ("ssh_key", f'command="id" {SSH}'),
        ("ssh_key", f"{SSH}\n{SSH}"),
        ("ssh_key", SSH.replace("AAAAC3", "AAAAD3")),
        ("ssh_key", SSH.replace("ssh-ed25519 ", "ssh-rsa ")),
        ("ssh_key", "ssh-dss AAAAB3NzaC1kc3MAAACBAJ" + "A" * 100),
        ("ssh_key", SSH + "\tmore"),
        ("ssh_key", SSH + " " + "x" * 128),
        ("ssh_key", SHORT_POINT),
        ("expires", "tomorrow"),
        # UTC has no year for them.
        ("expires", "9999-12-31T23:59:59-23:59"),
        ("expires", "0001-01-01T00:00:00+23:59"),
        ("expires", "2999-01-01T00:00:00"),
        ("run", "reboot"),
    ],
)
def test_what_could_harm_where_it_is_written_is_refused_by_its_keys_name(key: str, value: Any) -> None:
    with pytest.raises(seed.SeedError) as caught:
        seed.parse(json.dumps({**FULL, key: value}).encode())
    assert caught.value.reason == "seed_malformed"
    assert re.search(rf"{key}[a-z.]* is to be|look at {key}", str(caught.value))
    assert "longenough" not in str(caught.value)


TOUCHED = (
    "sk-ssh-ed25519@openssh.com "
    "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAbLlprpPY7p+MUP9zR7cxg3Gg251RTODr/IAAXUyXtkAAAABHNzaDo="
)


@pytest.mark.parametrize("line", [f"{SSH} at the desk", TOUCHED], ids=["comment", "security key"])
def test_a_key_may_have_a_comment_of_words_or_lie_on_a_security_key(line: str) -> None:
    assert seed.parse(json.dumps({**FULL, "ssh_key": line}).encode()).ssh_key == line


@pytest.mark.parametrize("psk", ["0123456789abcdefABCDEF" + "0" * 42, 'a b"c\\d$', "~" * 63])
def test_a_passphrase_may_be_any_that_wifi_knows(psk: str) -> None:
    found = seed.parse(json.dumps({**FULL, "wifi": {"ssid": "net", "psk": psk}}).encode())
    assert found.wifi is not None and found.wifi.psk == psk


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_any_value_of_any_key_is_a_seed_or_an_error_of_ours(value: Any) -> None:
    for key in (*FULL, "wifi"):
        content = {**FULL, key: {"ssid": value, "psk": value} if key == "wifi" else value}
        try:
            seed.parse(json.dumps(content).encode())
        except seed.SeedError as error:
            assert error.reason == "seed_malformed"


def test_an_expired_seed_is_refused_with_a_sentence_and_stays(tmp_path: Path, store: Path) -> None:
    with pytest.raises(seed.SeedError, match=r"ended at 2020-01-01T00:00:00Z\.") as caught:
        taken(tmp_path, store, {**FULL, "expires": "2020-01-01T00:00:00Z"})
    assert caught.value.reason == "seed_expired"
    assert (tmp_path / "seed.json").exists()
    assert list(store.iterdir()) == []


class Machine:
    """Made from an image: its partition, its keys, its id; and all that `guardian-seed` writes."""

    def __init__(self, folder: Path, store: Path) -> None:
        self.store, self.state, self.file = store, folder / "state", folder / "none.json"
        self.image = Image(folder / "partition", folder / "seed-keys", folder / "image-id")
        self.image.keys.mkdir()
        self.image.image_id.write_text("00010203-0405-0607-0809-0A0B0C0D0E0F\n")
        self.trust(KEY)

    def trust(self, key: Ed25519PrivateKey) -> None:
        line = seed_image.public_line(key.public_key().public_bytes_raw())
        (self.image.keys / f"{line[:4].replace('/', '_')}.pub").write_text(line + "\n")

    def write(self, content: dict[str, Any], key: Ed25519PrivateKey = KEY, image_id: bytes = IMAGE_ID) -> bytes:
        raw = seed_region.pack(json.dumps(content).encode(), image_id, key)
        self.image.partition.write_bytes(raw)
        return raw

    def take(self) -> str:
        return seed_taking.take(self.file, self.store, self.state, self.image)


@pytest.fixture
def machine(tmp_path: Path, store: Path) -> Machine:
    return Machine(tmp_path, store)


def test_a_seed_is_taken_from_its_image_and_is_gone_there(machine: Machine) -> None:
    machine.write(FULL)
    assert machine.take() == "The seed was taken from the image, which is empty now."
    assert json.loads(decrypted(machine.store, "seed")) == FULL
    assert machine.image.partition.read_bytes() == seed_region.empty()
    assert machine.take() == "There is no seed."


def test_a_machine_without_such_a_partition_or_with_an_empty_one_has_no_seed(machine: Machine) -> None:
    assert machine.take() == "There is no seed."
    machine.image.partition.write_bytes(seed_region.empty())
    assert machine.take() == "There is no seed."


def test_a_file_wins_over_an_image_and_an_image_over_a_credential(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "guardian.seed").write_text(json.dumps({**GOOD, "name": "credential"}))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    machine.write({**FULL, "name": "image"})
    machine.file.write_text(json.dumps({**GOOD, "name": "file"}))
    for name in ("file", "image", "credential"):
        machine.take()
        assert json.loads(decrypted(machine.store, "seed"))["name"] == name


def test_a_medium_that_cannot_be_written_to_gives_its_seed_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened_to_read(path: Path, flags: int, *more: Any, **named: Any) -> int:
        if path == machine.image.partition and flags & os.O_RDWR:
            raise OSError(30, "Read-only file system")
        return real(path, flags, *more, **named)

    real = os.open
    raw = machine.write(FULL)
    monkeypatch.setattr(os, "open", opened_to_read)
    assert machine.take() == "The seed was taken from the image, which still has it."
    credstore.remove("seed", machine.store)
    assert machine.take() == "The seed of this image was taken before."
    assert not (machine.store / "guardian.seed").exists()
    assert machine.image.partition.read_bytes() == raw


def refused(machine: Machine) -> str:
    """The reason; what is refused stays where it is, and nothing of it is in the sentence."""
    before = machine.image.partition.read_bytes() if machine.image.partition.is_file() else b""
    with pytest.raises(GuardianError) as caught:
        machine.take()
    assert list(machine.store.iterdir()) == []
    assert not before or machine.image.partition.read_bytes() == before
    assert TOKEN not in str(caught.value) and "herons" not in str(caught.value)
    return caught.value.reason


def test_an_image_of_somebody_else_is_refused(machine: Machine) -> None:
    stranger = Ed25519PrivateKey.generate()
    machine.write(FULL, stranger)
    assert refused(machine) == "seed_foreign"
    machine.write(FULL, image_id=bytes(16))
    assert refused(machine) == "seed_foreign"
    machine.write(FULL, stranger)
    machine.trust(stranger)
    assert machine.take().startswith("The seed was taken")


def test_without_trusted_keys_no_image_is_believed(machine: Machine) -> None:
    machine.write(FULL)
    for path in machine.image.keys.iterdir():
        path.unlink()
    assert refused(machine) == "seed_foreign"
    machine.image.keys.rmdir()
    assert refused(machine) == "seed_foreign"


@pytest.mark.parametrize("text", ["", "!", "A" * 40, "A" * 300])
def test_a_trusted_key_that_is_none_is_named(machine: Machine, text: str) -> None:
    machine.write(FULL)
    (machine.image.keys / "bad.pub").write_text(text)
    assert refused(machine) == "seed_key_malformed"


def test_a_machine_that_does_not_know_its_image_takes_no_seed_of_one(machine: Machine) -> None:
    machine.write(FULL)
    machine.image.image_id.write_text("unknown")
    assert refused(machine) == "seed_image_unknown"
    machine.image.image_id.unlink()
    assert refused(machine) == "seed_image_unknown"


def test_a_damaged_expired_or_odd_partition_is_refused(machine: Machine) -> None:
    raw = bytearray(machine.write(FULL))
    raw[200] ^= 1
    machine.image.partition.write_bytes(raw)
    assert refused(machine) == "seed_damaged"
    machine.image.partition.write_bytes(bytes(raw) + b"\0")
    assert refused(machine) == "seed_region_missing"
    machine.write({**FULL, "expires": "2020-01-01T00:00:00Z"})
    assert refused(machine) == "seed_expired"
    machine.write({**FULL, "locale": "a b"})
    assert refused(machine) == "seed_malformed"
    machine.image.partition.unlink()
    os.mkfifo(machine.image.partition)
    assert refused(machine) == "seed_unreadable"


def test_what_a_seed_says_of_the_machine_is_kept_apart_from_its_secrets(tmp_path: Path, store: Path) -> None:
    taken(tmp_path, store, FULL)
    found = seed_state.read_settings(tmp_path / "state")
    zone = "America/Argentina/Buenos_Aires"
    assert found == Settings(locale="de_DE.UTF-8", timezone=zone, ssh_key=SSH, ssid="Café 5")
    kept = (tmp_path / "state" / "settings.json").read_text()
    assert TOKEN not in kept
    assert "herons" not in kept
    network = decrypted(store, "wifi")
    assert b"ssid=" + "Café 5".encode().hex().encode() in network
    assert network == wifi.configuration(Wifi(ssid="Café 5", psk="seven quiet herons"))


@pytest.mark.parametrize("later", [GOOD, {**GOOD, "version": 2}])
def test_a_later_seed_takes_the_place_of_all_that_one_said(
    tmp_path: Path, store: Path, later: dict[str, object]
) -> None:
    taken(tmp_path, store, FULL)
    assert seed_state.read_settings(tmp_path / "state").ssid == "Café 5"
    assert (store / "guardian.wifi").exists()
    # Of version 1 too, which has no word for it: else a stranger's SSH key would stay.
    taken(tmp_path, store, later)
    assert seed_state.read_settings(tmp_path / "state") == Settings()
    assert not (store / "guardian.wifi").exists()


def test_a_host_whose_seed_says_nothing_of_it_has_no_settings(tmp_path: Path, store: Path) -> None:
    taken(tmp_path, store, GOOD)
    assert not seed_state.has_settings(tmp_path / "state")


class Stick:
    """A machine with a stick plugged in, and its unit's word on whether it is somebody's."""

    def __init__(self, folder: Path, store: Path) -> None:
        self.store, self.state, self.given, self.device = store, folder / "state", folder / "given", folder / "stick"
        self.nothing = folder / "none"
        self.given.mkdir()
        packed = Path(__file__).resolve().parents[2] / "vectors" / "fat" / "16.img.xz"
        self.device.write_bytes(lzma.decompress(packed.read_bytes()))

    def enrolled(self, identity: bytes) -> None:
        (self.given / "identity").write_bytes(identity)

    def take(self) -> str:
        return seed_taking.take(self.nothing, self.store, self.state, Image(partition=self.nothing), self.device)


@pytest.fixture
def stick(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Stick:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    return Stick(tmp_path, store)


def test_a_seed_on_a_stick_is_taken_while_the_machine_is_nobodys_and_wiped(stick: Stick) -> None:
    stick.enrolled(b"\n")
    assert stick.take() == "The seed was taken from the stick, which has it no more."
    assert seed.parse(decrypted(stick.store, "seed")).name == "Hall"
    assert b"gdn1." not in stick.device.read_bytes()
    assert stick.take() == "There is no seed."


def test_a_machine_that_is_somebodys_leaves_a_stick_alone(stick: Stick) -> None:
    before = stick.device.read_bytes()
    stick.enrolled(b'{"edge": "00"}')
    assert stick.take() == "The stick was left alone: this machine is enrolled."
    assert stick.device.read_bytes() == before
    assert list(stick.store.iterdir()) == []


def test_a_stick_that_is_damaged_does_not_keep_out_what_the_hypervisor_hands_over(stick: Stick) -> None:
    stick.enrolled(b"\n")
    stick.device.write_bytes(b"no file system" * 100)
    with pytest.raises(GuardianError):
        stick.take()
    (stick.given / seed_taking.SYSTEM_CREDENTIAL).write_bytes(json.dumps(GOOD).encode())
    assert stick.take() == "The seed was taken from the boot's credentials."


def test_where_no_unit_says_whose_the_machine_is_no_stick_is_looked_at(stick: Stick) -> None:
    before = stick.device.read_bytes()
    assert stick.take() == "There is no seed."
    assert stick.device.read_bytes() == before


def test_a_stick_that_cannot_be_written_to_gives_its_seed_once(stick: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened_to_read(path: Path, flags: int, *more: Any, **named: Any) -> int:
        if path == stick.device and flags & os.O_RDWR:
            raise OSError(30, "Read-only file system")
        return real(path, flags, *more, **named)

    real = os.open
    monkeypatch.setattr(os, "open", opened_to_read)
    stick.enrolled(b"\n")
    assert stick.take() == "The seed was taken from the stick, which still has it: destroy it."
    credstore.remove("seed", stick.store)
    assert stick.take() == "The seed on the stick was taken before."
    assert list(stick.store.iterdir()) == []


def test_a_stick_of_another_kind_is_refused_and_not_touched(stick: Stick) -> None:
    stick.enrolled(b"\n")
    stick.device.write_bytes(b"NTFS" * 4096)
    assert stick.device.stat().st_size == 16384
    with pytest.raises(GuardianError) as caught:
        stick.take()
    assert caught.value.reason == "stick_unreadable"
    assert stick.device.read_bytes() == b"NTFS" * 4096


def test_a_refusal_is_left_for_the_machines_screen_and_goes_with_the_next_seed(tmp_path: Path, store: Path) -> None:
    def run() -> int:
        command = [sys.executable, "-c", "from guardian.common.seed_taking import main; main()"]
        words = ["--source", tmp_path / "seed.json", "--store", store, "--state", tmp_path / "state"]
        return subprocess.run([*command, *map(str, words)], check=False, capture_output=True).returncode

    (tmp_path / "seed.json").write_text(json.dumps({**FULL, "expires": "2020-01-01T00:00:00Z"}))
    assert run() == 1
    found = seed_state.read_refusal(tmp_path / "state")
    assert found is not None
    assert (found.reason, found.sentence) == ("seed_expired", "The seed's token ended at 2020-01-01T00:00:00Z.")
    (tmp_path / "seed.json").write_text(json.dumps(FULL))
    assert run() == 0
    assert seed_state.read_refusal(tmp_path / "state") is None
