"""The keys of an image: a wrong one is refused before anything is built, and no private one gets in."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tools.image import keys
from tools.image.keys import Keys
from tools.lab.places import ROOT, Refused

from guardian.common import seed_image


def pair(folder: Path, name: str = "images") -> tuple[Path, Path]:
    """NAME.key and NAME.pub, as `guardian image key` makes them."""
    folder.mkdir(exist_ok=True)
    made = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    private.write_bytes(made.private_bytes_raw())
    public.write_text(f"{seed_image.public_line(made.public_key().public_bytes_raw())}\n")
    return private, public


def minisign(folder: Path, *options: str) -> tuple[Path, Path]:
    """Secret key and public key of minisign."""
    secret, public = folder / "minisign.key", folder / "minisign.pub"
    subprocess.run(["minisign", "-G", *options, "-p", public, "-s", secret], check=True, capture_output=True)
    return secret, public


def test_good_keys_are_taken_and_an_image_gets_the_line_that_was_printed(tmp_path: Path) -> None:
    (private, public), (secret, _) = pair(tmp_path), minisign(tmp_path, "-W")
    keys.ready(Keys([public], [public], private, secret))
    assert keys.line(public) == public.read_text()
    keys.ready(Keys())


def test_the_same_name_for_seeds_and_for_updates_is_no_clash(tmp_path: Path) -> None:
    keys.ready(Keys([pair(tmp_path / "a")[1]], [pair(tmp_path / "b")[1]]))


@pytest.mark.parametrize("kind", ["raw", "PEM", "OpenSSH", "minisign"])
def test_a_private_key_of_any_form_is_refused_as_one(tmp_path: Path, kind: str) -> None:
    private, _ = pair(tmp_path)
    named = tmp_path / "named.pub"
    made = Ed25519PrivateKey.from_private_bytes(private.read_bytes())
    named.write_bytes(
        {
            "raw": private.read_bytes,
            "PEM": lambda: made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "OpenSSH": lambda: made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
            "minisign": minisign(tmp_path, "-W")[0].read_bytes,
        }[kind]()
    )
    for given in (Keys(seeds=[named]), Keys(updates=[named])):
        with pytest.raises(Refused, match="is a private key: it must not get into an image"):
            keys.ready(given)


def test_a_private_key_in_base64_is_known_by_the_key_beside_it_and_by_the_one_that_signs(tmp_path: Path) -> None:
    # The first whose bytes could be a public key, too: nothing but the comparison tells it.
    for number in range(200):
        private, public = pair(tmp_path / f"{number}")
        public.write_bytes(base64.b64encode(private.read_bytes()))
        if keys._on_curve(private.read_bytes()):
            break
    with pytest.raises(Refused, match="is a private key"):
        keys.ready(Keys(seeds=[public]))
    moved = public.rename(tmp_path / "elsewhere.pub")
    with pytest.raises(Refused, match="is a private key"):
        keys.ready(Keys(seeds=[moved], update_signer=private))


def test_bytes_that_are_nobodys_public_key_are_refused(tmp_path: Path) -> None:
    # No square: x² = 3/(4d + 1) has no root.
    named = tmp_path / "odd.pub"
    named.write_bytes(base64.b64encode((2).to_bytes(32, "little")))
    with pytest.raises(Refused, match="holds no public key"):
        keys.ready(Keys(seeds=[named]))


def test_every_key_that_is_made_is_a_point() -> None:
    made = [Ed25519PrivateKey.generate().public_key().public_bytes_raw() for _ in range(100)]
    assert all(keys._on_curve(key) for key in made)


@pytest.mark.parametrize("content", [b"", b"\n", b"AAAA\n", b"no key at all", b"x" * 300, b"y" * 5000])
def test_what_is_no_public_key_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    named = tmp_path / "images.pub"
    named.write_bytes(content)
    with pytest.raises(Refused, match=r"images\.pub"):
        keys.ready(Keys(seeds=[named]))


def test_what_is_not_there_or_no_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pub")
    nowhere = tmp_path / "nowhere.pub"
    for named, words in (
        (nowhere, "There is no file"),
        (tmp_path, "cannot be read"),
        (tmp_path / "pipe.pub", "a pipe"),
    ):
        for given in (Keys([named]), Keys(updates=[named]), Keys(update_signer=named), Keys(sums_signer=named)):
            with pytest.raises(Refused, match=words):
                keys.ready(given)


def test_two_keys_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = [pair(tmp_path / "a")[1], pair(tmp_path / "b")[1]]
    for given in (Keys(seeds=twice), Keys(updates=twice)):
        with pytest.raises(Refused, match="one of them would be lost"):
            keys.ready(given)


def test_more_keys_than_an_image_looks_at_are_refused(tmp_path: Path) -> None:
    many = [pair(tmp_path, f"k{number}")[1] for number in range(keys.MOST + 1)]
    keys.ready(Keys(seeds=many[1:]))
    # The image's own reader passes over what is more.
    assert len(seed_image.trusted(tmp_path)) == keys.MOST
    with pytest.raises(Refused, match="17 times"):
        keys.ready(Keys(seeds=many))


def test_a_public_key_signs_no_updates(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="such a key has 32"):
        keys.ready(Keys(update_signer=pair(tmp_path)[1]))


def test_only_a_secret_key_of_minisign_signs_checksums(tmp_path: Path) -> None:
    for wrong in (minisign(tmp_path, "-W")[1], pair(tmp_path)[0]):
        with pytest.raises(Refused, match="cannot sign"):
            keys.ready(Keys(sums_signer=wrong))


def test_the_command_says_so_and_builds_nothing(tmp_path: Path) -> None:
    private, _ = pair(tmp_path)
    work, into = tmp_path / "work", tmp_path / "out"
    command = [sys.executable, "-m", "tools.image", "--seed-key", str(private)]
    done = subprocess.run(
        [*command, "--work", str(work), "--into", str(into)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"image: {private} is a private key")
    assert not work.exists() and not into.exists()
