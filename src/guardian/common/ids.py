"""Identifiers: UUIDv7 for events and commands, random 128-bit hex for objects, members, edges, households."""

import re
import secrets
import uuid
from datetime import UTC, datetime

import uuid_utils

_HEX32 = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[a-z0-9_]{1,32}")


def uuid7() -> uuid.UUID:
    """A new UUIDv7 (RFC 9562): sorts by the time it was made."""
    return uuid.UUID(bytes=uuid_utils.uuid7().bytes)


def uuid7_time(value: uuid.UUID) -> datetime:
    """The millisecond a UUIDv7 was made at; ValueError for other versions."""
    if value.version != 7:
        raise ValueError("not a UUIDv7")
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)


def parse_uuid7(text: str) -> uuid.UUID:
    """Strict, canonical form only; ValueError otherwise."""
    value = uuid.UUID(text)
    if value.version != 7 or str(value) != text:
        raise ValueError("not a canonical UUIDv7")
    return value


def random_id() -> bytes:
    """16 random bytes."""
    return secrets.token_bytes(16)


def parse_hex_id(text: str) -> bytes:
    """32 lower-case hexadecimal digits to 16 bytes; ValueError otherwise."""
    if not _HEX32.fullmatch(text):
        raise ValueError("not 32 lower-case hexadecimal digits")
    return bytes.fromhex(text)


def is_camera_id(text: str) -> bool:
    """Camera ids become file and unit names: `[a-z0-9_]{1,32}` and nothing else."""
    return _NAME.fullmatch(text) is not None
