"""`guardian image`: a key, a seed written in place, and what is shown of it."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.imaging.gpt import SECTOR, Table, make
from typer.testing import CliRunner

from guardian.cli.image import app
from guardian.common import seed_image, seed_region
from guardian.common.errors import GuardianError
from guardian.common.tokens import Token

TOKEN = str(Token.create("node.test:7444", "0" * 64))
PSK = "seven quiet herons"
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKUHBFPErWYdhKF1VgXzpEUMTOUt0vbUy6mrCXd9nBGD ann@desk"
SIZE = 1 << 20


def image(*arguments: str | Path, stdin: str = "", status: int = 0) -> str:
    """What the verb prints."""
    result = CliRunner().invoke(app, [*map(str, arguments)], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.output


class Bench:
    """An image with some bytes in it, and a key."""

    def __init__(self, folder: Path) -> None:
        self.iso, self.key, self.public = folder / "a.iso", folder / "a.key", folder / "a.pub"
        self.table: Table = make(self.iso, SIZE, filling=b"a system")
        self.public.write_text(image("key", self.key))

    def seed(self, *more: str | Path, **changes: Any) -> str:
        options = ["--key", self.key, "--token-stdin", *more]
        return image("seed", self.iso, *options, **{"stdin": f"{TOKEN}\n{PSK}\n", **changes})

    def refused(self, *more: str | Path, **changes: Any) -> str:
        """The reason; the image is as it was."""
        before = self.iso.read_bytes()
        with pytest.raises(GuardianError) as caught:
            self.seed(*more, **changes)
        assert self.iso.read_bytes() == before
        assert TOKEN not in str(caught.value) and PSK not in str(caught.value)
        return caught.value.reason


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_key_is_its_makers_alone_and_never_made_over_another(tmp_path: Path) -> None:
    file = tmp_path / "a.key"
    line = image("key", file).strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = Ed25519PrivateKey.from_private_bytes(file.read_bytes())
    assert line == seed_image.public_line(key.public_key().public_bytes_raw())
    with pytest.raises(GuardianError):
        image("key", file)
    assert file.read_bytes() == key.private_bytes_raw()
    # Whoever lost the line has it again.
    assert image("public", file).strip() == line


def test_a_seed_is_written_in_place_and_into_its_own_place_alone(bench: Bench, tmp_path: Path) -> None:
    before = bench.iso.read_bytes()
    (tmp_path / "id.pub").write_text(SSH + "\n")
    said = bench.seed(
        *("--name", "Hall", "--locale", "de_DE.UTF-8", "--time-zone", "Europe/Berlin", "--wifi-ssid", "Home"),
        *(
            "--wifi-stdin",
            "--unattended",
            "--encrypt",
            "--ssh-key",
            tmp_path / "id.pub",
            "--expires",
            "2999-01-01T00:00:00Z",
        ),
        *("--fingerprint", "ab" * 32, "--hash"),
    )
    after, offset = bench.iso.read_bytes(), bench.table.seed_first * SECTOR
    assert hashlib.sha256(after).hexdigest() in said
    end = offset + seed_region.SIZE
    assert (after[:offset], after[end:]) == (before[:offset], before[end:])
    public = seed_image.read_public(bench.public)
    payload = seed_region.unpack(after[offset:end], bench.table.disk.bytes, [public])
    assert json.loads(payload or b"") == {
        "version": 2,
        "token": TOKEN,
        "name": "Hall",
        "fingerprint": "ab" * 32,
        "locale": "de_DE.UTF-8",
        "timezone": "Europe/Berlin",
        "unattended": True,
        "encrypt": True,
        "ssh_key": SSH,
        "expires": "2999-01-01T00:00:00Z",
        "wifi": {"ssid": "Home", "psk": PSK},
    }
    assert TOKEN not in said and PSK not in said


def test_an_encrypted_machine_whose_key_nobody_would_see_is_told_of(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "id.pub").write_text(SSH + "\n")
    warning = "Nobody will see its recovery key"
    assert warning in bench.seed("--encrypt", "--unattended")
    assert warning not in bench.seed("--encrypt")
    assert warning not in bench.seed("--encrypt", "--unattended", "--ssh-key", tmp_path / "id.pub")


def test_what_is_shown_holds_no_secret_and_says_whether_the_signature_holds(bench: Bench, tmp_path: Path) -> None:
    assert "Seed        none" in image("show", bench.iso)
    bench.seed("--name", "Hall", "--wifi-ssid", "Home", "--wifi-stdin")
    shown = image("show", bench.iso)
    assert "node.test:7444" in shown and "Hall" in shown and "Home" in shown and "not looked at" in shown
    assert bench.table.disk.hex in shown
    told = json.loads(image("show", bench.iso, "--key-public", bench.public, "--json"))
    assert (told["signed"], told["name"], told["wifi"], told["unattended"]) == (True, "Hall", "Home", False)
    assert told["encrypt"] is False and "Encrypts    no" in shown
    other = tmp_path / "other.pub"
    other.write_text(image("key", tmp_path / "other.key"))
    assert "none of the keys named" in image("show", bench.iso, "--key-public", other, status=1)
    image("show", bench.iso, "--key-public", other, "--key-public", bench.public)
    for text in (shown, json.dumps(told)):
        assert TOKEN not in text and PSK not in text and Token.parse(TOKEN).secret not in text


def test_a_seed_takes_the_place_of_another(bench: Bench) -> None:
    bench.seed("--name", "Hall", "--wifi-ssid", "Home", "--wifi-stdin")
    bench.seed("--name", "Attic")
    told = json.loads(image("show", bench.iso, "--json"))
    assert (told["name"], told["wifi"]) == ("Attic", "")
    assert PSK.encode() not in bench.iso.read_bytes()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--locale", "a b"], "seed_malformed"),
        (["--time-zone", "../x"], "zone_unknown"),
        (["--time-zone", "Mars/Phobos"], "zone_unknown"),
        (["--wifi-ssid", "x" * 33, "--wifi-stdin"], "seed_malformed"),
        (["--expires", "2020-01-01T00:00:00Z"], "seed_expired"),
        (["--ssh-key", "/nonexistent"], "image_unreadable"),
        (["--key", "/nonexistent"], "image_unreadable"),
    ],
)
def test_what_no_machine_would_take_is_not_written(bench: Bench, more: list[str], reason: str) -> None:
    assert bench.refused(*more) == reason


def test_neither_a_half_token_nor_none_is_written(bench: Bench) -> None:
    assert bench.refused(stdin=TOKEN[:-5] + "\n") == "seed_malformed"
    assert bench.refused(stdin="") == "secret_unreadable"
    assert bench.refused("--key", bench.public) == "key_malformed"


def test_what_is_no_image_is_left_as_it_is(bench: Bench, tmp_path: Path) -> None:
    bench.iso.write_bytes(b"a letter" * 1000)
    assert bench.refused() == "seed_region_missing"
    with pytest.raises(GuardianError) as caught:
        image("show", tmp_path)
    assert caught.value.reason == "image_unreadable"


def test_a_seed_is_taken_out_again(bench: Bench) -> None:
    before = bench.iso.read_bytes()
    bench.seed("--wifi-ssid", "Home", "--wifi-stdin")
    assert bench.iso.read_bytes() != before
    image("wipe", bench.iso)
    assert bench.iso.read_bytes() == before


def test_a_passphrase_of_no_network_is_not_dropped_in_silence(bench: Bench) -> None:
    before = bench.iso.read_bytes()
    said = bench.seed("--wifi-stdin", status=2)
    assert "--wifi-ssid" in said
    assert bench.iso.read_bytes() == before


@pytest.mark.parametrize(
    ("beginning", "reason", "hint"),
    [(b"\x28\xb5\x2f\xfd", "image_compressed", "zstd -d a.iso"), (b"QFI\xfb", "image_virtual", "hypervisor")],
)
def test_the_other_forms_of_an_image_are_told_apart(bench: Bench, beginning: bytes, reason: str, hint: str) -> None:
    bench.iso.write_bytes(beginning + bytes(5000))
    with pytest.raises(GuardianError) as caught:
        bench.seed()
    assert (caught.value.reason, hint in (caught.value.hint or "")) == (reason, True)


def test_a_public_key_that_is_not_there_is_not_called_malformed(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(GuardianError) as caught:
        image("show", bench.iso, "--key-public", tmp_path / "nope.pub")
    assert "No such file" in str(caught.value)
