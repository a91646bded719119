"""The seed's place in an image: a partition of fixed size at its end, whose bytes are checksummed and signed.

`magic (16) || payload length (4) || SHA-256 of the payload (32) || key id (8) || Ed25519 signature (64) || payload ||
zeros`, 65,536 bytes in all, numbers big-endian. The signature covers `guardian/seed-region/v1\\0 || image id (16) ||
SHA-256 of the payload`; a key's id is the beginning of its SHA-256. Of an empty region only the magic is not zero.
Every byte counts: whoever finds one changed refuses the whole.

The partition is found by the image's own table (GPT), which a stranger may have written too.
"""

import hashlib
import struct
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from guardian.common import gpt
from guardian.common.errors import GuardianError

SIZE = 65_536
PARTITION_TYPE = uuid.UUID("4e3fdb66-fc4d-423e-81bf-ee0797ad137b")
PARTITION_NAME = "guardian-seed"
MAGIC = b"guardian-seed\0\0\x01"
_CONTEXT = b"guardian/seed-region/v1\0"
_HEAD = struct.Struct(">16sI32s8s64s")
MAX_PAYLOAD = SIZE - _HEAD.size


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
    try:
        table = gpt.read(file)
        ours = table.of_type(PARTITION_TYPE)
    except gpt.TableError as error:
        raise _no_table(error.sentence) from error
    if ours.size != SIZE:
        raise _no_table("Its partition for a seed has a wrong size.")
    if ours.name != PARTITION_NAME:
        raise _no_table(f"Its partition for a seed is not named {PARTITION_NAME}.")
    return Place(ours.offset, table.disk.bytes)


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
        f"This is no image that can hold a seed. {why}",
        reason="seed_region_missing",
        hint="Take an image of this release, as it was published.",
    )
