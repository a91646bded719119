"""The installer's medium: is every bit of it as it was made? Asked before a disk is touched."""

import contextlib
import errno
import hashlib
import json
import os
import struct
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from guardian.common import gpt
from guardian.common.errors import GuardianError

BLOCK = 4 << 20
MAGIC = b"GUARDIAN-CHECK-1\n"
CHECK_SIZE = 64 << 10
# Its own partition behind what it is of: found by type, as the seed's.
CHECK_TYPE = uuid.UUID("9d3e1c84-2b57-4c1e-8f60-7a5d0e4b9c12")


class MediumError(GuardianError):
    """The medium is damaged, or no installer."""


@dataclass(frozen=True)
class Check:
    """The digest of everything before the check's own partition; `size` in bytes."""

    size: int
    sha256: str


def pack(check: Check) -> bytes:
    """What the check's partition holds, padded with zeros."""
    text = MAGIC + json.dumps({"size": check.size, "sha256": check.sha256}, separators=(",", ":")).encode() + b"\n"
    return text.ljust(CHECK_SIZE, b"\0")


def unpack(raw: bytes) -> Check:
    """Raises MediumError for anything but what `pack` makes."""
    try:
        said = json.loads(raw[len(MAGIC) :].rstrip(b"\0"))
        found = Check(int(said["size"]), str(said["sha256"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise _damaged() from None
    if pack(found) != raw:
        raise _damaged()
    return found


@contextlib.contextmanager
def sound() -> Iterator[None]:
    """What of the medium is read in here and cannot be is MediumError `medium_damaged`, before a disk is touched."""
    try:
        yield
    except OSError as error:
        raise _damaged() from error


def verify(device: BinaryIO, offset: int, behind: int, tell: Callable[[float], None] = lambda _: None) -> None:
    """Read all that lies before the check at `offset`, and what lies `behind` the seed: the table's copy; compare.

    Check and seed have digests of their own. OSError where it cannot be read (`sound`).

    Args:
        offset, behind: in bytes.
        tell: gets how much of it is read, 0 to 1.
    """
    device.seek(offset)
    check = unpack(device.read(CHECK_SIZE))
    if check.size != offset:
        raise _damaged()
    if digest(device, check.size, tell) != check.sha256 or not _has_its_copy(device, behind):
        raise _damaged()


def _has_its_copy(device: BinaryIO, begin: int) -> bool:
    """Whether from there to the image's end lie zeros, and the copy of the table that its beginning tells of."""
    device.seek(gpt.SECTOR)
    header = bytearray(device.read(gpt.SECTOR))
    (at,) = struct.unpack_from("<Q", header, 32)
    first, count, size = struct.unpack_from("<QII", header, 72)
    device.seek(first * gpt.SECTOR)
    entries = device.read(count * size)
    entries_at = at - len(entries) // gpt.SECTOR
    struct.pack_into("<QQ", header, 24, at, 1)
    struct.pack_into("<Q", header, 72, entries_at)
    struct.pack_into("<I", header, 16, 0)
    struct.pack_into("<I", header, 16, zlib.crc32(header[: struct.unpack_from("<I", header, 12)[0]]))
    free = entries_at * gpt.SECTOR - begin
    if not 0 <= free <= BLOCK:
        return False
    device.seek(begin)
    wanted = bytes(free) + entries + header
    return device.read(len(wanted)) == wanted


def digest(device: BinaryIO, size: int, tell: Callable[[float], None] = lambda _: None) -> str:
    """SHA-256 of the first `size` bytes of any device, in hex; OSError where it cannot be read so far."""
    device.seek(0)
    digest = hashlib.sha256()
    left = size
    while left:
        part = device.read(min(BLOCK, left))
        if not part:
            raise OSError(errno.EIO, "it ends before its size")
        digest.update(part)
        left -= len(part)
        tell(1 - left / size)
    return digest.hexdigest()


def forget(path: Path) -> None:
    """Have the next read come from the device itself and not from memory."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
        os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(number)


def lost(error: OSError) -> MediumError:
    """Of a medium that was sound, and cannot be read any more while it is installed from."""
    return MediumError(
        f"This medium cannot be read any more: {error.strerror or error}. The disk was written to in part.",
        reason="medium_lost",
        hint="The disk starts nothing. Write the image to another stick and install anew.",
    )


def _damaged() -> MediumError:
    return MediumError(
        "This medium is not as it was made: at least one bit of it is wrong. No disk was touched.",
        reason="medium_damaged",
        hint="Download the image again, compare its SHA-256, and write it to another stick.",
    )
