"""Makes sparse images with a real partition table (GPT), the seed's partition last."""

import os
import struct
import uuid
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from guardian.common import seed_region

SECTOR = 512
LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")


@dataclass
class Table:
    """What stands in the table; each test changes what it wants wrong."""

    size: int
    disk: uuid.UUID = field(default_factory=uuid.uuid4)
    entry_count: int = 128
    entry_size: int = 128
    start: int = 2
    own: int = 1
    revision: int = 0x10000
    header_size: int = 92
    backup: int | None = None
    first_usable: int = 64
    # (type, first sector, last sector, name)
    partitions: list[tuple[uuid.UUID, int, int, str]] = field(default_factory=list)

    @property
    def sectors(self) -> int:
        return self.size // SECTOR

    @property
    def seed_first(self) -> int:
        """Where the seed's partition begins: just before the table's copy."""
        return (self.sectors - 33 - seed_region.SIZE // SECTOR) // 8 * 8

    def seed(self, **changes: object) -> tuple[uuid.UUID, int, int, str]:
        """The seed's partition."""
        first = self.seed_first
        values = {"type": seed_region.PARTITION_TYPE, "first": first, "last": first + 127, "name": "guardian-seed"}
        return tuple({**values, **changes}.values())  # type: ignore[return-value]

    def entries(self) -> bytes:
        raw = b"".join(
            kind.bytes_le
            + uuid.uuid4().bytes
            + struct.pack("<QQQ", first, last, 0)
            + name.encode("utf-16-le").ljust(72, b"\0")
            for kind, first, last, name in self.partitions
        )
        return raw.ljust(self.entry_count * self.entry_size, b"\0")

    def head(self, entries: bytes) -> bytes:
        """The first sectors: a protective MBR, the header, the entries."""
        backup = self.sectors - 1 if self.backup is None else self.backup
        header = struct.pack(
            "<8sIIIIQQQQ16sQIII",
            *(b"EFI PART", self.revision, self.header_size, 0, 0, self.own, backup, self.first_usable),
            *(
                self.sectors - 34,
                self.disk.bytes_le,
                self.start,
                self.entry_count,
                self.entry_size,
                zlib.crc32(entries),
            ),
        )
        checked = header[: self.header_size].ljust(self.header_size, b"\0")
        header = header[:16] + struct.pack("<I", zlib.crc32(checked)) + header[20:]
        return bytes(510) + b"\x55\xaa" + header.ljust(SECTOR, b"\0") + entries

    def copy(self, entries: bytes) -> bytes:
        """The header's copy, in the last sector; the entries' lie before it."""
        own = replace(self, own=self.sectors - 1, backup=self.own, start=self.sectors - 33)
        return own.head(entries)[SECTOR : 2 * SECTOR]


def make(path: Path, size: int, table: Table | None = None, *, filling: bytes = b"") -> Table:
    """A sparse image with a system's partition, some bytes in it, and an empty seed at the end."""
    table = table or Table(size)
    if not table.partitions:
        table.partitions = [(LINUX, 64, table.seed_first - 1, "system"), table.seed()]
    with path.open("wb") as file:
        file.truncate(size)
        entries = table.entries()
        file.write(table.head(entries))
        os.pwrite(file.fileno(), filling, 64 * SECTOR)
        os.pwrite(file.fileno(), seed_region.empty(), table.seed_first * SECTOR)
        os.pwrite(file.fileno(), entries, size - 33 * SECTOR)
        os.pwrite(file.fileno(), table.copy(entries), size - SECTOR)
    return table
