"""GRUB's environment on the boot partition: a few words that say which slot starts, changed in one sector.

The file is 1,024 bytes: a first line, `name=value` lines, `#` up to the end. GRUB writes it where it lies and knows no
other way; so do we. All words fit into the first sector, which a disk writes whole or not at all.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from guardian.appliance.layout import SECTOR
from guardian.common.errors import GuardianError
from guardian.common.files import write_atomic

# On the boot partition.
PLACE = "grub/grubenv"
SIZE = 1024
_FIRST = "# GRUB Environment Block\n"
_WORD = re.compile(r"([a-z_]{1,32})=([A-Za-z0-9_.-]{0,64})")


class GrubenvError(GuardianError):
    """The environment cannot be read or written."""


def pack(words: Mapping[str, str]) -> bytes:
    """The whole file."""
    lines = [f"{name}={value}" for name, value in words.items()]
    text = _FIRST + "".join(f"{line}\n" for line in lines)
    if not all(_WORD.fullmatch(line) for line in lines) or len(text) > SECTOR:
        raise ValueError("words that GRUB's environment does not hold")
    return text.encode("ascii").ljust(SIZE, b"#")


def unpack(raw: bytes) -> dict[str, str]:
    """The words; GrubenvError `grubenv_damaged` for anything but what GRUB and `pack` leave.

    What is behind the last line's end fills the file up, and says nothing.
    """
    if len(raw) != SIZE or not raw.startswith(_FIRST.encode()):
        raise _damaged()
    words = {}
    for line in raw[len(_FIRST) :].split(b"\n")[:-1]:
        found = _WORD.fullmatch(line.decode("latin-1"))
        if found is None:
            raise _damaged()
        words[found[1]] = found[2]
    return words


def read(path: Path) -> dict[str, str]:
    """The words of a file."""
    try:
        with path.open("rb") as file:
            return unpack(file.read(SIZE + 1))
    except OSError as error:
        raise GrubenvError(f"{path} cannot be read: {error.strerror}.", reason="grubenv_unreadable") from error


def write(path: Path, words: Mapping[str, str]) -> None:
    """Put these words in place of all that were there, durably; the file keeps its blocks."""
    raw = pack(words)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_DSYNC | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_size != SIZE or os.pwrite(descriptor, raw, 0) != SIZE:
                raise _damaged()
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise GrubenvError(f"{path} cannot be written to: {error.strerror}.", reason="grubenv_unwritable") from error
    if read(path) != dict(words):
        raise _damaged()


def renew(path: Path, words: Mapping[str, str]) -> None:
    """The file anew, for one that is damaged: in new blocks, whatever its size was."""
    try:
        write_atomic(path, pack(words))
    except OSError as error:
        raise GrubenvError(f"{path} cannot be written to: {error.strerror}.", reason="grubenv_unwritable") from error


def _damaged() -> GrubenvError:
    return GrubenvError(
        "What says which system starts is damaged.",
        reason="grubenv_damaged",
        hint="It is made anew when a system has come up; until then the machine starts slot A.",
    )
