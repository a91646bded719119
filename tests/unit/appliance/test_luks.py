"""An encrypted data partition, in a file and with a TPM in software: what opens it, and what does no more."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardian.appliance import luks
from guardian.appliance.luks import Binding, LuksError
from guardian.appliance.programs import ProgramError


class Tpm:
    """A TPM 2.0 of this test's own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._socket = folder / "sock"
        # systemd's way to it looks for the second by the first's name.
        words = ["--server", f"type=unixio,path={self._socket}", "--ctrl", f"type=unixio,path={self._socket}.ctrl"]
        command = ["setpriv", "--pdeathsig", "KILL", "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", *words]
        self._process = subprocess.Popen(
            [*command, "--flags", "not-need-init,startup-clear"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not self._socket.exists() or not Path(f"{self._socket}.ctrl").exists():
            assert self._process.poll() is None, "swtpm ended: is the Debian package there?"
            time.sleep(0.02)

    @property
    def name(self) -> str:
        """For systemd-cryptenroll."""
        return f"swtpm:path={self._socket}"

    def ends(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def tpm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tpm]:
    found = Tpm(tmp_path_factory.mktemp("one") / "tpm")
    yield found
    found.ends()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tpm]:
    found = Tpm(tmp_path_factory.mktemp("two") / "tpm")
    yield found
    found.ends()


def plain(path: Path) -> Path:
    """As large as a header and a little."""
    with path.open("wb") as file:
        file.truncate(24 << 20)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tpm: Tpm) -> tuple[Path, str]:
    """An encrypted one, and its recovery key: Argon2 is slow by its nature."""
    path = plain(tmp_path_factory.mktemp("made") / "data.img")
    return path, luks.make(path, tpm.name)


@pytest.fixture
def device(tmp_path: Path, made: tuple[Path, str]) -> Path:
    """Such a one, to be changed at will."""
    return Path(shutil.copyfile(made[0], tmp_path / "data.img"))


@pytest.fixture
def key(made: tuple[Path, str]) -> str:
    """Its recovery key."""
    return made[1]


def opens(device: Path, key: str) -> bool:
    """Whether this key does."""
    words = ["--test-passphrase", "--disable-external-tokens", "--key-file=-"]
    done = subprocess.run(
        ["cryptsetup", "open", *words, str(device)], input=key, text=True, capture_output=True, check=False
    )
    return done.returncode == 0


def blob(device: Path) -> str:
    """What the TPM sealed."""
    command = ["cryptsetup", "luksDump", "--dump-json-metadata", str(device)]
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    [token] = told["tokens"].values()
    found: str = token["tpm2-blob"]
    return found


def test_the_tpm_and_a_recovery_key_open_it_and_nothing_else(device: Path, key: str) -> None:
    assert luks.is_luks(device)
    assert luks.binding(device) == Binding(2, (7,))
    assert opens(device, key)
    assert not opens(device, luks.new_key())
    assert not opens(device, "")
    assert key.encode() not in device.read_bytes()


def test_another_tpm_takes_the_place_of_the_one_before(device: Path, key: str, other: Tpm) -> None:
    before = blob(device)
    luks.rebind(device, key, other.name)
    assert luks.binding(device) == Binding(2, (7,))
    assert blob(device) != before
    assert opens(device, key)


def test_a_wrong_key_binds_nothing(device: Path, other: Tpm) -> None:
    before = device.read_bytes()
    with pytest.raises(ProgramError, match="cryptsetup failed") as caught:
        luks.rebind(device, luks.new_key(), other.name)
    assert caught.value.reason == "key_wrong"
    assert device.read_bytes() == before


def test_without_a_tpm_it_is_not_bound(device: Path, key: str, tmp_path: Path) -> None:
    with pytest.raises(LuksError, match="was not bound"):
        luks.bind(device, key, f"swtpm:path={tmp_path / 'nothing'}")


def test_what_lost_its_header_is_opened_by_no_key(device: Path, key: str) -> None:
    luks.destroy(device)
    assert not luks.is_luks(device)
    assert not opens(device, key)
    assert not any(device.read_bytes()[: 16 << 20])


def test_its_second_header_is_one_too(device: Path) -> None:
    with device.open("r+b") as file:
        file.write(bytes(4096))
    assert luks.is_luks(device)


def test_a_plain_partition_is_what_its_file_system_lies_on(tmp_path: Path) -> None:
    device = plain(tmp_path / "plain")
    assert not luks.is_luks(device)
    with luks.opened(device, lambda: pytest.fail("nobody is asked"), writable=False) as found:
        assert found == device


def test_who_has_no_key_opens_nothing(device: Path) -> None:
    answers = iter(["who knows", luks.shown(luks.new_key()), ""])
    with (
        pytest.raises(LuksError, match="neither the TPM nor"),
        luks.opened(device, lambda: next(answers), writable=True),
    ):
        pytest.fail("it was opened")
    assert next(answers, None) is None


def test_a_key_is_typed_as_it_is_shown_or_otherwise() -> None:
    key = luks.new_key()
    assert len(key) == 32 and set(key) <= set(luks.LETTERS)
    assert key != luks.new_key()
    assert luks.shown("bcdefghijklnrtuvbcdefghijklnrtuv") == "bcde-fghi-jkln-rtuv-bcde-fghi-jkln-rtuv"
    for text in (key, luks.shown(key), luks.shown(key).upper(), f"  {luks.shown(key).replace('-', ' ')}\r\n"):
        assert luks.typed(text) == key


@pytest.mark.parametrize("text", ["", "b" * 31, "b" * 33, "a" * 32, "bcde" * 7 + "bcd1", "ü" * 32])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(LuksError, match="no recovery key"):
        luks.typed(text)


@pytest.mark.parametrize(
    "told",
    [
        "",
        "[]",
        "{}",
        '{"tokens": [], "keyslots": {}}',
        '{"tokens": {"0": {}}, "keyslots": {}}',
        '{"tokens": {"0": {"type": "systemd-tpm2"}}, "keyslots": {}}',
        '{"tokens": {"0": {"type": "systemd-tpm2", "tpm2-pcrs": "x"}}, "keyslots": {}}',
        '{"tokens": {}, "keyslots": 3}',
        "[" * 100_000,
    ],
)
def test_an_odd_header_is_said_to_be_odd(told: str) -> None:
    with pytest.raises(LuksError, match="not understood"):
        luks.parse(told)


def test_a_header_without_the_tpm() -> None:
    told = {"tokens": {"0": {"type": "other"}}, "keyslots": {"0": {}}}
    assert luks.parse(json.dumps(told)) == Binding(1, None)


@pytest.mark.parametrize(("version", "has"), [("2", True), ("1", False), ("", False)])
def test_only_a_tpm_of_version_two_is_one(tmp_path: Path, version: str, has: bool) -> None:
    (tmp_path / "tpm0").mkdir()
    (tmp_path / "tpm0/tpm_version_major").write_text(f"{version}\n")
    assert luks.has_tpm(tmp_path) is has


def test_a_machine_without_one_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(LuksError, match="No disk was touched"):
        luks.need_tpm(tmp_path)


def test_the_partition_below_a_mapping_is_found_by_what_the_kernel_says(tmp_path: Path) -> None:
    (tmp_path / "dm-0/slaves/nvme0n1p6").mkdir(parents=True)
    (tmp_path / "sda6").mkdir()
    assert luks.below(Path("/dev/dm-0"), tmp_path) == Path("/dev/nvme0n1p6")
    assert luks.below(Path("/dev/sda6"), tmp_path) == Path("/dev/sda6")


def test_the_key_is_kept_for_root_until_it_is_written_down(tmp_path: Path) -> None:
    assert luks.kept_key(tmp_path) == ""
    key = luks.new_key()
    luks.keep_key(tmp_path, key)
    assert luks.kept_key(tmp_path) == key
    assert (tmp_path / luks.KEPT_KEY).stat().st_mode & 0o777 == 0o600
    luks.forget_key(tmp_path)
    assert luks.kept_key(tmp_path) == ""
    luks.forget_key(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_fails_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProgramError) as caught:
        luks.open_by_tpm(plain(tmp_path / "plain"))
    assert "cryptsetup failed" in str(caught.value)
