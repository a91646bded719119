"""What a machine made from an image knows of its seed: the partition, the keys it trusts, which image it was.

And whether it keeps anything at all: started without its data partition, it has forgotten whose it is.
"""

import base64
import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from guardian.common import log, seed_region
from guardian.common.files import read_plain
from guardian.common.ids import parse_hex_id
from guardian.common.seed_region import SeedRegionError

_MAX_KEYS = 16
_log = log.get(__name__)


@dataclass(frozen=True)
class Image:
    """Where on a host all this lies."""

    # Of the disk this system was started from; the initial RAM disk names it so (roles/appliance).
    partition: Path = Path("/dev/guardian-seed")
    keys: Path = Path("/etc/guardian/seed-keys")
    image_id: Path = Path("/etc/guardian/image-id")
    # What the initial RAM disk found: the slot, and the data partition, mounted.
    started: Path = Path("/run/image")

    def keeps(self, folder: Path) -> bool:
        """Whether what is written there lasts: on a machine that started from a slot, if its data partition has it."""
        if not (self.started / "slot").exists():
            return True
        try:
            return folder.stat().st_dev == (self.started / "data").stat().st_dev
        except OSError:
            return False


class Partition:
    """The open partition of the seed."""

    def __init__(self, file: FileIO, path: Path) -> None:
        self._file, self._path = file, path

    def read(self) -> bytes:
        """All of it, and one byte more where it is too long; SeedRegionError `seed_unreadable`."""
        try:
            return os.pread(self._file.fileno(), seed_region.SIZE + 1, 0)
        except OSError as error:
            raise _unreadable(self._path, error) from error

    @property
    def is_writable(self) -> bool:
        """Some media are not."""
        return self._file.writable()

    def empty(self) -> bool:
        """Whether an empty region lies there now, durably."""
        try:
            write_region(self._file.fileno(), 0, seed_region.empty())
        except OSError as error:
            _log.warning("seed_not_emptied", error=error.strerror)
            return False
        return True


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Partition | None]:
    """The partition; None when there is none."""
    with medium(path) as file:
        yield Partition(file, path) if file is not None else None


@contextlib.contextmanager
def medium(path: Path) -> Iterator[FileIO | None]:
    """A partition's device, unbuffered; None when there is none. One that cannot be written to is read."""
    try:
        descriptor, mode = _open(path)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise _unreadable(path, error) from error
    with FileIO(descriptor, mode) as file:
        kind = os.fstat(descriptor).st_mode
        if not (stat.S_ISBLK(kind) or stat.S_ISREG(kind)):
            raise SeedRegionError(f"{path} is not a partition.", reason="seed_unreadable")
        yield file


def _unreadable(path: Path, error: OSError) -> SeedRegionError:
    return SeedRegionError(f"{path} cannot be read: {error.strerror}.", reason="seed_unreadable")


def _open(path: Path) -> tuple[int, str]:
    flags = os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_RDWR), "r+b"
    except FileNotFoundError:
        raise
    except OSError:
        return os.open(path, flags | os.O_RDONLY), "rb"


def write_region(descriptor: int, offset: int, region: bytes) -> None:
    """Put a region in its place, durably; OSError when it is not as it was meant to be."""
    left, position = memoryview(region), offset
    while left:
        written = os.pwrite(descriptor, left, position)
        left, position = left[written:], position + written
    os.fsync(descriptor)


def public_line(key: bytes) -> str:
    """A public key as it lies in a folder of trusted ones, `NAME.pub`."""
    return base64.b64encode(key).decode("ascii")


def read_public(path: Path) -> bytes:
    """The 32 bytes of such a file; SeedRegionError `seed_key_malformed`."""
    try:
        key = base64.b64decode(read_plain(path, 256, follow=True).strip(), validate=True)
    except FileNotFoundError as error:
        raise _unreadable(path, error) from error
    except (OSError, ValueError):
        key = b""
    if len(key) != 32:
        raise SeedRegionError(
            f"{path} is not a public key that seeds or updates are signed with.",
            reason="seed_key_malformed",
            hint="It is the one line that `guardian image key` printed; `guardian image public` prints it again.",
        )
    return key


def trusted(folder: Path) -> list[bytes]:
    """The public keys in a folder, of those whose seeds (or updates) are taken; none where there is no folder."""
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix == ".pub")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SeedRegionError(f"{folder} cannot be read: {error.strerror}.", reason="seed_unreadable") from error
    return [read_public(path) for path in names[:_MAX_KEYS]]


def read_id(path: Path) -> bytes:
    """The image's id as the file says it, a UUID with or without its dashes; SeedRegionError `seed_image_unknown`."""
    try:
        return parse_hex_id(read_plain(path, 64, follow=True).decode("ascii").strip().lower().replace("-", ""))
    except (OSError, ValueError):
        raise SeedRegionError(
            f"{path} does not say which image this machine was made from.",
            reason="seed_image_unknown",
            hint="It holds 32 hexadecimal digits, as `guardian image show` prints them.",
        ) from None
