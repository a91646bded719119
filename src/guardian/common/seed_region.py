"""The seed's place in an image: a partition of fixed size at its end, whose bytes are checksummed and signed.

`magic (16) || payload length (4) || SHA-256 of the payload (32) || key id (8) || Ed25519 signature (64) || payload ||
zeros`, 65,536 bytes in all, numbers big-endian. The signature covers `guardian/seed-region/v1\\0 || image id (16) ||
SHA-256 of the payload`; a key's id is the beginning of its SHA-256. Of an empty region only the magic is not zero.
Every byte counts: whoever finds one changed refuses the whole.

The partition is found by the image's own table (GPT), which a stranger may have written too.
"""

import hashlib
import os
import struct
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from guardian.common.errors import GuardianError

SIZE = 65_536
PARTITION_TYPE = uuid.UUID("4e3fdb66-fc4d-423e-81bf-ee0797ad137b")
PARTITION_NAME = "guardian-seed"
MAGIC = b"guardian-seed\0\0\x01"
_CONTEXT = b"guardian/seed-region/v1\0"
_HEAD = struct.Struct(">16sI32s8s64s")
MAX_PAYLOAD = SIZE - _HEAD.size
# The table: a header in the second sector, then its entries.
_SECTOR = 512
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")
# Tools for disks make 128, xorriso makes 248 for an ISO.
_MAX_ENTRIES = 256


class SeedRegionError(GuardianError):
    """A region that is not there, damaged, or of somebody who is not trusted."""


@dataclass(frozen=True)
class Place:
    """Where an image has its region, and which image it is."""

    offset: int
    image_id: bytes


@dataclass(frozen=True)
class Content:
    """What a region holds: unchanged since it was written, by whomever."""

    payload: bytes
    key_id: bytes
    signature: bytes

    def is_signed(self, image_id: bytes, public: bytes) -> bool:
        """Whether this key signed it for this image."""
        if self.key_id != key_id(public):
            return False
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(self.signature, _message(image_id, self.payload))
        except (InvalidSignature, ValueError):
            return False
        return True


def key_id(public: bytes) -> bytes:
    """By which a region names the key that signed it."""
    return hashlib.sha256(public).digest()[:8]


def empty() -> bytes:
    """A region that holds no seed."""
    return MAGIC.ljust(SIZE, b"\0")


def pack(payload: bytes, image_id: bytes, key: Ed25519PrivateKey) -> bytes:
    """A region with this payload, signed for one image."""
    if not 0 < len(payload) <= MAX_PAYLOAD or len(image_id) != 16:
        raise ValueError("payload or image id of a wrong size")
    named = key_id(key.public_key().public_bytes_raw())
    digest, signature = hashlib.sha256(payload).digest(), key.sign(_message(image_id, payload))
    return (_HEAD.pack(MAGIC, len(payload), digest, named, signature) + payload).ljust(SIZE, b"\0")


def read(raw: bytes) -> Content | None:
    """What is in a region, None when it is empty, whoever signed it; `seed_damaged`, `seed_region_missing`."""
    if len(raw) != SIZE or not raw.startswith(MAGIC):
        raise SeedRegionError(
            "There is no place for a seed of the form this release knows.",
            reason="seed_region_missing",
            hint="Take an image of this release, as it was published.",
        )
    _, length, digest, named, signature = _HEAD.unpack_from(raw)
    if length == 0:
        if raw != empty():
            raise _damaged()
        return None
    end = _HEAD.size + length
    if end > SIZE or any(raw[end:]):
        raise _damaged()
    payload = raw[_HEAD.size : end]
    if hashlib.sha256(payload).digest() != digest:
        raise _damaged()
    return Content(payload, named, signature)


def unpack(raw: bytes, image_id: bytes, keys: Iterable[bytes]) -> bytes | None:
    """The payload, None for an empty region; `seed_foreign` unless one of the public keys signed it for this image."""
    content = read(raw)
    if content is None:
        return None
    if not any(content.is_signed(image_id, public) for public in keys):
        raise SeedRegionError(
            "Nobody who is trusted here has signed this seed for this image.",
            reason="seed_foreign",
            hint="Have it made again for this image, or put its maker's public key where trusted ones are kept.",
        )
    return content.payload


def find(file: BinaryIO) -> Place:
    """Where an image, or the medium it was written to, has its region; SeedRegionError `seed_region_missing`."""
    size = file.seek(0, os.SEEK_END)
    header = _read(file, _SECTOR, _SECTOR, size)
    if header[:8] != b"EFI PART":
        raise _no_table("it has no partition table (GPT)")
    fields = _HEADER.unpack_from(header)
    _, revision, header_size, checksum, _, own, backup, first_usable, last_usable, disk = fields[:10]
    start, count, entry_size, entries_checksum = fields[10:]
    if revision != 0x10000 or not _HEADER.size <= header_size <= _SECTOR:
        raise _no_table("its partition table is of another form")
    if zlib.crc32(header[:16] + bytes(4) + header[20:header_size]) != checksum:
        raise _no_table("its partition table is damaged")
    if own != 1 or entry_size != _ENTRY.size or not 0 < count <= _MAX_ENTRIES or not 2 <= start < first_usable:
        raise _no_table("its partition table is of another form")
    if not first_usable <= last_usable < backup or backup >= size // _SECTOR:
        raise _no_table("it is shorter than its partition table says")
    table = _read(file, start * _SECTOR, count * _ENTRY.size, size)
    if zlib.crc32(table) != entries_checksum:
        raise _no_table("its partition table is damaged")
    offset = _partition(table, first_usable, last_usable)
    return Place(offset, uuid.UUID(bytes_le=disk).bytes)


def _partition(table: bytes, first_usable: int, last_usable: int) -> int:
    used = [entry for entry in _ENTRY.iter_unpack(table) if any(entry[0])]
    ours = [entry for entry in used if entry[0] == PARTITION_TYPE.bytes_le]
    if len(ours) != 1:
        raise _no_table("it has several partitions for a seed" if ours else "it has no partition for a seed")
    _, _, first, last, _, name = ours[0]
    if not first_usable <= first <= last <= last_usable or (last - first + 1) * _SECTOR != SIZE:
        raise _no_table("its partition for a seed has a wrong size or place")
    if name != PARTITION_NAME.encode("utf-16-le").ljust(72, b"\0"):
        raise _no_table(f"its partition for a seed is not named {PARTITION_NAME}")
    if any(other[3] >= first for other in used if other is not ours[0]):
        raise _no_table("its partition for a seed is not the last one")
    return int(first) * _SECTOR


def _read(file: BinaryIO, offset: int, count: int, size: int) -> bytes:
    file.seek(offset)
    data = file.read(count) if offset + count <= size else b""
    if len(data) != count:
        raise _no_table("it is too short")
    return data


def _message(image_id: bytes, payload: bytes) -> bytes:
    return _CONTEXT + image_id + hashlib.sha256(payload).digest()


def _damaged() -> SeedRegionError:
    return SeedRegionError(
        "The seed was damaged on its way.",
        reason="seed_damaged",
        hint="Write the image again, or have its seed made again.",
    )


def _no_table(why: str) -> SeedRegionError:
    return SeedRegionError(
        f"This is no image that can hold a seed: {why}.",
        reason="seed_region_missing",
        hint="Take an image of this release, as it was published.",
    )
