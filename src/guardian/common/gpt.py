"""A disk's own table (GPT), read from an image or a medium that a stranger may have written."""

import os
import struct
import uuid
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from guardian.common.errors import GuardianError

SECTOR = 512
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")
# Tools for disks make 128, xorriso makes 248 for an ISO.
_MAX_ENTRIES = 256


class TableError(GuardianError):
    """There is no table, or one that contradicts itself."""


@dataclass(frozen=True)
class Entry:
    """A partition; `offset` and `size` in bytes."""

    type: uuid.UUID
    id: uuid.UUID
    offset: int
    size: int
    name: str


@dataclass(frozen=True)
class Table:
    """All partitions, in the table's order; `disk` is the disk's own id."""

    disk: uuid.UUID
    entries: tuple[Entry, ...]

    def of_type(self, wanted: uuid.UUID) -> Entry:
        """The only one of a type; TableError when there is none or there are several."""
        found = [entry for entry in self.entries if entry.type == wanted]
        if len(found) != 1:
            raise refused(f"it has {'several partitions' if found else 'no partition'} of the type {wanted}")
        return found[0]


def read(file: BinaryIO) -> Table:
    """The table at the beginning; TableError, reason `table_invalid`, for anything that is not whole and sound."""
    size = file.seek(0, os.SEEK_END)
    header = _read(file, SECTOR, SECTOR, size)
    if header[:8] != b"EFI PART":
        raise refused("there is none")
    fields = _HEADER.unpack_from(header)
    _, revision, header_size, checksum, _, own, backup, first_usable, last_usable, disk = fields[:10]
    start, count, entry_size, entries_checksum = fields[10:]
    if revision != 0x10000 or not _HEADER.size <= header_size <= SECTOR:
        raise refused("it is of another form")
    if zlib.crc32(header[:16] + bytes(4) + header[20:header_size]) != checksum:
        raise refused("its checksum is wrong")
    if own != 1 or entry_size != _ENTRY.size or not 0 < count <= _MAX_ENTRIES or not 2 <= start < first_usable:
        raise refused("it is of another form")
    if not first_usable <= last_usable < backup or backup >= size // SECTOR:
        raise refused("the disk is shorter than it says")
    table = _read(file, start * SECTOR, count * _ENTRY.size, size)
    if zlib.crc32(table) != entries_checksum:
        raise refused("its checksum is wrong")
    entries = []
    for kind, own_id, first, last, _, name in _ENTRY.iter_unpack(table):
        if not any(kind):
            continue
        if not first_usable <= first <= last <= last_usable:
            raise refused("a partition lies outside the disk")
        words = name.decode("utf-16-le", "replace").partition("\0")[0]
        place = (first * SECTOR, (last - first + 1) * SECTOR)
        entries.append(Entry(uuid.UUID(bytes_le=kind), uuid.UUID(bytes_le=own_id), *place, words))
    by_place = sorted(entries, key=lambda entry: entry.offset)
    if any(one.offset + one.size > other.offset for one, other in pairwise(by_place)):
        raise refused("partitions overlap")
    return Table(uuid.UUID(bytes_le=disk), tuple(entries))


def _read(file: BinaryIO, offset: int, count: int, size: int) -> bytes:
    file.seek(offset)
    data = file.read(count) if offset + count <= size else b""
    if len(data) != count:
        raise refused("the disk is too short for one")
    return data


def refused(why: str) -> TableError:
    """Of a table that cannot be used."""
    return TableError(
        f"This disk or image has no partition table (GPT) that could be used: {why}.",
        reason="table_invalid",
        hint="Take an image of this release, as it was published.",
    )
