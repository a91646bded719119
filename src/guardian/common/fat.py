"""One file in the root of a FAT file system, read and wiped without mounting it: a stick may be anybody's.

As Microsoft's specification (fatgen103) has it: boot sector, one or two tables, root folder, clusters. No kernel's code
and no right to mount is needed, and each number the medium gives is checked before it is used.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO

from guardian.common.errors import GuardianError

_BOOT = struct.Struct("<3s8sHBHBHHBH")
_ENTRY = 32
# A root folder of more is nobody's who made a stick for this.
_MAX_FOLDER = 1 << 20
_MAX_CLUSTERS = 1 << 12
_LONG, _VOLUME, _FOLDER = 0x0F, 0x08, 0x10


class FatError(GuardianError):
    """No FAT file system, or one that contradicts itself."""


@dataclass(frozen=True)
class Found:
    """A file: its size and clusters, and where the folder's entries that name it lie, in bytes."""

    size: int
    clusters: tuple[int, ...]
    entries: tuple[int, ...]


class Fat:
    """The file system on an open medium."""

    def __init__(self, medium: FileIO) -> None:
        self._medium = medium
        self._size = medium.seek(0, os.SEEK_END)
        self._read_boot_sector(self._read(0, 512))

    def find(self, name: str, most: int) -> Found | None:
        """A file by its long name, whatever its case; FatError when it is larger than `most` bytes."""
        for said, entry, places in self._files():
            if said.lower() != name.lower():
                continue
            size = int.from_bytes(entry[28:32], "little")
            if size > most:
                raise refused(f"{name} is larger than {most} bytes")
            first = int.from_bytes(entry[26:28], "little")
            if self._bits == 32:
                first |= int.from_bytes(entry[20:22], "little") << 16
            return Found(size, tuple(self._chain(first, -(-size // self._cluster))) if size else (), places)
        return None

    def content(self, found: Found) -> bytes:
        """All of it."""
        return b"".join(self._read(self._place(number), self._cluster) for number in found.clusters)[: found.size]

    def wipe(self, found: Found) -> None:
        """Zeros over its bytes, durably; then it has no name and no clusters any more. OSError when it cannot be."""
        for number in found.clusters:
            self._write(self._place(number), bytes(self._cluster))
        os.fsync(self._medium.fileno())
        for place in found.entries:
            self._write(place, b"\xe5" + bytes(10))
        for number in found.clusters:
            self._free(number)
        os.fsync(self._medium.fileno())

    def _read_boot_sector(self, sector: bytes) -> None:
        _, _, size, per_cluster, reserved, tables, root_entries, total, _, per_table = _BOOT.unpack_from(sector)
        sound = sector[510:] == b"\x55\xaa" and size in (512, 1024, 2048, 4096) and tables in (1, 2)
        if not sound or per_cluster not in (1, 2, 4, 8, 16, 32, 64, 128) or reserved == 0:
            raise refused("there is none")
        is_large, total = per_table == 0, total or int.from_bytes(sector[32:36], "little")
        per_table = per_table or int.from_bytes(sector[36:40], "little")
        root_size = -(-root_entries * _ENTRY // size)
        start = reserved + tables * per_table + root_size
        if per_table == 0 or total <= start or total * size > self._size:
            raise refused("it does not fit its medium")
        self._count = (total - start) // per_cluster
        self._bits = 32 if is_large else 12 if self._count < 4085 else 16
        if (root_entries == 0) != (self._bits == 32) or (self._count + 2) * self._bits > per_table * size * 8:
            raise refused("its table is too short")
        self._cluster: int = per_cluster * size
        self._data: int = start * size
        self._tables = [(reserved + number * per_table) * size for number in range(tables)]
        self._root_cluster = int.from_bytes(sector[44:48], "little")
        self._root = ((reserved + tables * per_table) * size, root_entries * _ENTRY)

    def _files(self) -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
        """Long name, short entry and all places of each file in the root."""
        long: list[tuple[bytes, int]] = []
        for place, entry in self._entries():
            if entry[0] == 0:
                return
            if entry[0] != 0xE5 and entry[11] & 0x3F == _LONG:
                long.append((entry, place))
                continue
            if entry[0] != 0xE5 and not entry[11] & (_VOLUME | _FOLDER):
                yield _long_name([item for item, _ in long], entry[:11]), entry, (*(at for _, at in long), place)
            long = []

    def _entries(self) -> Iterator[tuple[int, bytes]]:
        start, size = self._root
        pieces = [(start, size)]
        if self._bits == 32:
            pieces = [(self._place(number), self._cluster) for number in self._root_chain()]
        for at, length in pieces:
            data = self._read(at, length)
            yield from ((at + offset, data[offset : offset + _ENTRY]) for offset in range(0, length, _ENTRY))

    def _root_chain(self) -> Iterator[int]:
        number = self._root_cluster
        for _ in range(max(1, _MAX_FOLDER // self._cluster)):
            yield self._sound(number)
            number = self._next(number)
            if self._is_end(number):
                return
        raise refused("its root folder is too long")

    def _chain(self, first: int, count: int) -> Iterator[int]:
        if count > _MAX_CLUSTERS:
            raise refused("a file has too many parts")
        number = first
        for _ in range(count):
            yield self._sound(number)
            number = self._next(number)

    def _sound(self, number: int) -> int:
        if not 2 <= number < self._count + 2:
            raise refused("a file's parts are not where they should be")
        return number

    def _is_end(self, number: int) -> bool:
        return number >= (0x0FFFFFF8 if self._bits == 32 else (1 << self._bits) - 8)

    def _next(self, number: int) -> int:
        offset = number * self._bits // 8
        value = int.from_bytes(self._read(self._tables[0] + offset, 4 if self._bits == 32 else 2), "little")
        if self._bits == 12:
            return value >> 4 if number & 1 else value & 0xFFF
        return value & 0x0FFFFFFF

    def _free(self, number: int) -> None:
        offset = number * self._bits // 8
        for table in self._tables:
            if self._bits == 12:
                pair = int.from_bytes(self._read(table + offset, 2), "little")
                data = (pair & (0x000F if number & 1 else 0xF000)).to_bytes(2, "little")
            else:
                data = bytes(self._bits // 8)
            self._write(table + offset, data)

    def _place(self, number: int) -> int:
        return self._data + (number - 2) * self._cluster

    def _read(self, place: int, size: int) -> bytes:
        try:
            data = os.pread(self._medium.fileno(), size, place)
        except OSError as error:
            raise refused(f"the medium does not answer ({error.strerror})") from error
        if len(data) != size:
            raise refused("the medium ends before it does")
        return data

    def _write(self, place: int, data: bytes) -> None:
        if os.pwrite(self._medium.fileno(), data, place) != len(data):
            raise OSError(5, "it was written only in part")


def _long_name(entries: list[bytes], short: bytes) -> str:
    """'' when the pieces are not this short name's, each once and in their order."""
    checksum = 0
    for byte in short:
        checksum = (((checksum & 1) << 7) + (checksum >> 1) + byte) & 0xFF
    orders = [len(entries) | 0x40, *range(len(entries) - 1, 0, -1)] if entries else []
    if [entry[0] for entry in entries] != orders or any(entry[13] != checksum for entry in entries):
        return ""
    raw = b"".join(entry[1:11] + entry[14:26] + entry[28:32] for entry in reversed(entries))
    return raw.decode("utf-16-le", "replace").partition("\0")[0]


def refused(why: str) -> FatError:
    """The error for a medium that is not read."""
    return FatError(
        f"The stick has no FAT file system that can be read: {why}.",
        reason="stick_unreadable",
        hint="Format it as FAT32 with the label GUARDIAN and copy the file to it again.",
    )
