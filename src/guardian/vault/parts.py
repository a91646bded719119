"""Parts and trailer of a sealed object: their sealing, their table, their bounds."""

import struct
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidTag

from guardian.vault.encoding import MAX_INT, dump_json, from_hex, load_json
from guardian.vault.errors import VaultError
from guardian.vault.header import Header, Kind
from guardian.vault.identity import SIGNATURE_SIZE

STEP = 4096
TAG = 16
LENGTH = 4
MIN_CT = STEP + TAG
MAX_PLAIN = 16 * 1024 * 1024
MAX_CT = MAX_PLAIN + TAG
MAX_PARTS = 100_000
MAX_DATA = 65_532
END_MAGIC = b"GDNSEALT"
FOOTER = 16

_FOOTER = struct.Struct(">II8s")
_LENGTH = struct.Struct(">I")
_NONCE = struct.Struct(">IQ")
_AAD = struct.Struct(">QB")


class PartType(IntEnum):
    """What a part holds."""

    INIT = 1
    MEDIA = 2
    DATA = 3
    TRAILER = 255


@dataclass(frozen=True, slots=True)
class Part:
    """A row of the table: where a part lies, and when it plays (ticks; unknown, 0, in a truncated object)."""

    offset: int
    size: int
    start: int = 0
    duration: int = 0
    key: bool = False


@dataclass(frozen=True)
class Table:
    """The opened trailer: every part, and the hash of them all."""

    body_hash: bytes
    parts: tuple[Part, ...]


def type_of(kind: Kind, counter: int) -> PartType:
    """The one type a part of an object of `kind` may have."""
    if kind != "clip":
        return PartType.DATA
    return PartType.INIT if counter == 0 else PartType.MEDIA


def seal(header: Header, counter: int, type_: PartType, plaintext: bytes) -> bytes:
    """Ciphertext of a part. Never twice with one counter."""
    return header.part_key.encrypt(_NONCE.pack(0, counter), plaintext, header.hash + _AAD.pack(counter, type_))


def seal_into(header: Header, counter: int, type_: PartType, plaintext: memoryview, ct: memoryview) -> None:
    """The same into memory that is there already: a camera seals a part a second, for years."""
    aad = header.hash + _AAD.pack(counter, type_)
    header.part_key.encrypt_into(_NONCE.pack(0, counter), plaintext, aad, ct)


def open_(header: Header, counter: int, type_: PartType, ct: bytes, reason: str = "damaged") -> bytes:
    """Plaintext of a part."""
    try:
        return header.part_key.decrypt(_NONCE.pack(0, counter), ct, header.hash + _AAD.pack(counter, type_))
    except InvalidTag:
        raise VaultError(reason, f"part {counter}") from None


def allowed(ct_size: int) -> bool:
    """Whether a ciphertext may have this length."""
    return MIN_CT <= ct_size <= MAX_CT and (ct_size - TAG) % STEP == 0


def write_length(ct_size: int) -> bytes:
    """The prefix of a part."""
    return _LENGTH.pack(ct_size)


def read_length(data: bytes) -> int:
    """The length of a part's ciphertext."""
    return int(_LENGTH.unpack(data)[0])


def write_footer(ct_size: int, count: int) -> bytes:
    """The last 16 bytes of a complete object."""
    return _FOOTER.pack(ct_size, count, END_MAGIC)


def read_footer(data: bytes) -> tuple[int, int]:
    """Length of the trailer's ciphertext and number of parts."""
    ct_size, count, magic = _FOOTER.unpack(data)
    if magic != END_MAGIC or not allowed(ct_size) or not 1 <= count <= MAX_PARTS:
        raise VaultError("trailer_damaged", "footer")
    return ct_size, count


def clip_padding(size: int) -> bytes:
    """The `free` box that pads a fragment of `size` to the step; a box needs at least its own 8 bytes."""
    missing = -size % STEP
    if not missing:
        return b""
    if missing < 8:
        missing += STEP
    return _LENGTH.pack(missing) + b"free" + bytes(missing - 8)


def pad_clip(data: bytes) -> bytes:
    """A fragment as it is sealed."""
    return data + clip_padding(len(data))


def pad_data(data: bytes) -> tuple[bytes, bytes, bytes]:
    """A data part, in pieces: length, bytes, zeros."""
    return _LENGTH.pack(len(data)), data, bytes(-(LENGTH + len(data)) % STEP)


def strip_data(plaintext: bytes, *, last: bool) -> bytes:
    """The bytes of a data part; all but the last are full."""
    size = read_length(plaintext[:LENGTH])
    end = LENGTH + size
    if not size or size > MAX_DATA or end > len(plaintext) or plaintext[end:].strip(b"\0"):
        raise VaultError("damaged", "padding")
    if not last and size != MAX_DATA:
        raise VaultError("damaged", "a part before the last is not full")
    return plaintext[LENGTH:end]


def write_table(table: Table) -> bytes:
    """The trailer's JSON."""
    rows = [[part.offset, part.size, part.start, part.duration, int(part.key)] for part in table.parts]
    return dump_json({"v": 1, "final": True, "body": table.body_hash.hex(), "parts": rows})


def pad_trailer(signature: bytes, table: bytes) -> bytes:
    """The trailer's plaintext."""
    size = SIGNATURE_SIZE + len(table)
    return signature + table + b" " * (-size % STEP)


def signed_table(header: Header, table: bytes) -> bytes:
    """What the edge signs at close."""
    return b"guardian/trailer/v1\0" + header.hash + table


def read_table(header: Header, data: bytes, count: int, end: int) -> Table:
    """The trailer's JSON, whose rows must lead from the header's end to `end` without gap."""
    try:
        value = load_json(data)
    except ValueError:
        raise VaultError("trailer_damaged", "table") from None
    if not isinstance(value, dict) or value.keys() != {"v", "final", "body", "parts"}:
        raise VaultError("trailer_damaged", "table")
    rows = value["parts"]
    if type(value["v"]) is not int or value["v"] != 1 or value["final"] is not True or not isinstance(rows, list):
        raise VaultError("trailer_damaged", "table")
    if len(rows) != count or not isinstance(value["body"], str):
        raise VaultError("trailer_damaged", "table")
    parts, offset = [], header.prefix.size
    for counter, row in enumerate(rows):
        part = _read_row(row, untimed=type_of(header.metadata.kind, counter) is not PartType.MEDIA)
        if part.offset != offset or not allowed(part.size - LENGTH):
            raise VaultError("trailer_damaged", f"row {counter}")
        offset += part.size
        parts.append(part)
    if offset != end:
        raise VaultError("trailer_damaged", "rows do not reach the trailer")
    try:
        return Table(from_hex(value["body"], 32), tuple(parts))
    except VaultError:
        raise VaultError("trailer_damaged", "body hash") from None


def _read_row(row: object, *, untimed: bool) -> Part:
    if not isinstance(row, list) or len(row) != 5:
        raise VaultError("trailer_damaged", "row")
    if any(type(number) is not int or not 0 <= number <= MAX_INT for number in row):
        raise VaultError("trailer_damaged", "row")
    offset, size, start, duration, key = row
    if key > 1 or (untimed and (start or duration or key)):
        raise VaultError("trailer_damaged", "row")
    return Part(offset, size, start, duration, bool(key))
