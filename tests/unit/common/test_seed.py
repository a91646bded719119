"""The bootstrap seed: read as data, put into the real credential store, wiped where it was."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.common import credstore, seed
from guardian.common.secrets import SecretError
from guardian.common.tokens import Token

TOKEN = str(Token.create("node.test:7444", "0" * 64))
GOOD = {"version": 1, "token": TOKEN, "name": "front"}


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
    return seed.take(source, store, tmp_path / "state")


def test_a_seed_is_taken_into_the_store_and_wiped_where_it_was(tmp_path: Path, store: Path) -> None:
    source = tmp_path / "seed.json"
    source.write_text(json.dumps(GOOD))
    # Another name of the same file would show what is left of its bytes.
    held = source.open("rb")
    assert seed.take(source, store, tmp_path / "state") == "The seed was taken and its file wiped."
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
    assert seed.take(nothing, store, state) == "The seed was taken from the boot's credentials."
    credstore.remove("seed", store)
    # It is there at every boot; spent, it must not come back.
    assert seed.take(nothing, store, state) == "The seed of this boot was taken before."
    assert list(store.iterdir()) == []


def test_no_seed_is_no_fault(tmp_path: Path, store: Path) -> None:
    assert seed.take(tmp_path / "none.json", store, tmp_path / "state") == "There is no seed."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 5000,
        json.dumps({**GOOD, "version": 2}).encode(),
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
            seed.take(source, store, tmp_path / "state")
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
