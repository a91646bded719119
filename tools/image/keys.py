"""The keys that an image is made with: looked at before anything is built, so that no bake ends for want of one."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.image import outputs
from tools.lab.places import Refused

from guardian.common import seed_image
from guardian.common.errors import GuardianError
from guardian.common.files import read_plain

# An image looks at no more of them (guardian.common.seed_image).
MOST = 16
_PRIME = 2**255 - 19
_CURVE = -121665 * pow(121666, -1, _PRIME)
_ASIDE = "Its public half is the one line that `guardian image key` printed: give a file with that line alone."


@dataclass(frozen=True)
class Keys:
    """Files of keys, each as it was named on the command line.

    Attributes:
        seeds: public keys of those whose seeds the image takes.
        updates: public keys of those whose updates it takes.
        update_signer: the private key that signs its own update, as `guardian image key` made it.
        sums_signer: minisign's secret key, which signs the checksums.
    """

    seeds: Sequence[Path] = ()
    updates: Sequence[Path] = ()
    update_signer: Path | None = None
    sums_signer: Path | None = None


def ready(keys: Keys) -> None:
    """Refused, in a sentence, for the first key that is not what it is given as."""
    signer = b"" if keys.update_signer is None else private(keys.update_signer)
    for option, paths in (("--seed-key", keys.seeds), ("--update-key", keys.updates)):
        _apart(option, paths)
        for path in paths:
            if public(path) == signer:
                raise _exposed(path)
    if keys.sums_signer is not None:
        _signs(keys.sums_signer)


def public(path: Path) -> bytes:
    """The 32 bytes of a public key's file; Refused for all else, for a private key above all."""
    content = _content(path, 4096)
    if len(content) == 32 or b"secret key" in content or b"PRIVATE KEY" in content:
        raise _exposed(path)
    try:
        key = seed_image.read_public(path)
    except GuardianError as error:
        raise Refused(f"{error.sentence} {error.hint}") from None
    # Of private keys in base64 every second one is found by this: it is no public key of anybody's.
    if not _on_curve(key):
        raise Refused(f"{path} holds no public key: nobody could sign for it. Is it a private key in base64? {_ASIDE}")
    beside = path.with_suffix(".key")
    if beside.is_file() and _content(beside, 4096) == key:
        raise _exposed(path)
    return key


def private(path: Path) -> bytes:
    """The 32 bytes of a key that signs updates; Refused for all else."""
    content = _content(path, 4096)
    if len(content) != 32:
        raise Refused(
            f"{path} is not a key that signs updates: it has {len(content)} bytes, and such a key has 32. "
            "`guardian image key NAME.key` makes one."
        )
    return content


def line(path: Path) -> str:
    """A public key as an image keeps it: what was read, and nothing else of the file."""
    return f"{seed_image.public_line(public(path))}\n"


def _content(path: Path, most: int) -> bytes:
    try:
        return read_plain(path, most, follow=True)
    except FileNotFoundError:
        raise Refused(f"There is no file {path}: a key is named that is not there.") from None
    except OSError as error:
        raise Refused(f"The key {path} cannot be read: {error.strerror}.") from None


def _apart(option: str, paths: Sequence[Path]) -> None:
    """An image keeps each under its name, NAME.pub: two of one name would be one."""
    if len(paths) > MOST:
        raise Refused(f"{option} is given {len(paths)} times: an image looks at {MOST} keys.")
    seen: dict[str, Path] = {}
    for path in paths:
        if path.stem in seen:
            raise Refused(
                f"{option} names {seen[path.stem]} and {path}: both would be {path.stem}.pub in the image, and one of "
                "them would be lost. Give one of the files another name."
            )
        seen[path.stem] = path


def _signs(path: Path) -> None:
    """Whether it does is found out by having it sign something."""
    _content(path, 4096)
    if shutil.which("minisign") is None:
        raise Refused("minisign is not installed: run `make setup`, or apt-get install minisign.")
    with tempfile.TemporaryDirectory(prefix="gdn-sign-") as folder:
        trial = Path(folder, outputs.SUMS)
        trial.write_bytes(b"")
        outputs.sign(trial, path, "trial")


def _on_curve(key: bytes) -> bool:
    """Whether these 32 bytes are a point of Ed25519 (RFC 8032, 5.1.3)."""
    height = int.from_bytes(key, "little") & ((1 << 255) - 1)
    square = height * height
    wanted = (square - 1) * pow(_CURVE * square + 1, -1, _PRIME) % _PRIME
    return height < _PRIME and pow(wanted, (_PRIME - 1) // 2, _PRIME) in (0, 1)


def _exposed(path: Path) -> Refused:
    return Refused(f"{path} is a private key: it must not get into an image, which strangers can read. {_ASIDE}")
