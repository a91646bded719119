"""Opening a sealed object: complete, truncated, or refused. Reads by range, from a file, a store or a download."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self

from guardian.vault import header, identity, parts
from guardian.vault.errors import VaultError
from guardian.vault.header import Expected, Header, Kind, Prefix
from guardian.vault.identity import SIGNATURE_SIZE
from guardian.vault.parts import Part, PartType, Table
from guardian.vault.roster import Roster


class Source(Protocol):
    """Sealed bytes, by range."""

    @property
    def size(self) -> int:
        """Bytes there are."""

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""


class BytesSource:
    """An object in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""
        return self._data[offset : offset + length]


class FileSource:
    """An object in a file, as large as it was when opened."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""
        pieces = []
        while length > 0 and (piece := os.pread(self._file.fileno(), length, offset)):
            pieces.append(piece)
            offset, length = offset + len(piece), length - len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Scan:
    """What can be seen of an object without a key."""

    prefix: Prefix
    parts: tuple[Part, ...]
    # Where the last whole part ends: a cut object may be shortened to this.
    end: int
    # It has a footer, so it was closed; the last of `parts` is then its trailer. Only an opener can believe it.
    closed: bool


@dataclass(frozen=True)
class SealedObject:
    """An opened object. `state` is what a person must be told: a truncated object is never shown as complete."""

    header: Header
    state: Literal["complete", "truncated"]
    parts: tuple[Part, ...]
    source: Source
    body_hash: bytes | None

    def read_part(self, counter: int) -> bytes:
        """One part: a clip's with its padding box, another's bytes alone."""
        part = self.parts[counter]
        sealed = _read(self.source, part.offset, part.size)
        if parts.read_length(sealed[: parts.LENGTH]) != part.size - parts.LENGTH:
            raise VaultError("damaged", "length of a part")
        ct = sealed[parts.LENGTH :]
        kind = self.header.metadata.kind
        plaintext = parts.open_(self.header, counter, parts.type_of(kind, counter), ct)
        if kind == "clip":
            return plaintext
        return parts.strip_data(plaintext, last=counter == len(self.parts) - 1)

    def check(self) -> None:
        """Open every part, and refuse (`body_damaged`) a complete object that is not the one its edge signed."""
        digest = hashlib.sha256()
        for counter, part in enumerate(self.parts):
            self.read_part(counter)
            digest.update(_read(self.source, part.offset, part.size))
        if self.body_hash not in (None, digest.digest()):
            raise VaultError("body_damaged")

    def content(self) -> Iterator[bytes]:
        """The whole content in pieces, all checked before the first: a playable MP4, or the picture."""
        self.check()
        for counter in range(len(self.parts)):
            yield self.read_part(counter)


def open_object(
    source: Source,
    roster: Roster,
    epochs: Mapping[int, bytes],
    *,
    edge: str,
    object_id: str | None = None,
    camera: str | None = None,
    kind: Kind | None = None,
) -> SealedObject:
    """Open header and trailer (or, without one, walk the parts). `epochs` as `roster_author.open_epochs` gives them."""
    prefix = _prefix(source)
    opened = header.open_header(_read(source, 0, prefix.size), roster, epochs, Expected(edge, object_id, camera, kind))
    sign_public = roster.edge(edge).sign
    if _has_footer(source, prefix):
        table = _trailer(source, opened, sign_public)
        return SealedObject(opened, "complete", table.parts, source, table.body_hash)
    return SealedObject(opened, "truncated", _walk(source, opened), source, None)


def open_of_any_edge(source: Source, roster: Roster, epochs: Mapping[int, bytes]) -> SealedObject:
    """Open an object of which one does not know the edge: a file somebody kept."""
    refusal = VaultError("stranger", "the household has no edge")
    for edge in roster.edges:
        try:
            return open_object(source, roster, epochs, edge=edge)
        except VaultError as error:
            # The wrap is bound to its edge: any other answer comes from the right one.
            if error.reason != "wrong_key":
                raise
            refusal = error
    raise refusal


def scan(source: Source) -> Scan:
    """Header fields and whole parts, by their lengths alone.

    What follows the last whole part is not judged: after a power cut it may be anything.
    """
    prefix = _prefix(source)
    found, end = [], prefix.size
    for part in _lengths(source, prefix.size, strict=False):
        found.append(part)
        end = part.offset + part.size
    return Scan(prefix, tuple(found), end, closed=_has_footer(source, prefix))


def _prefix(source: Source) -> Prefix:
    if source.size < header.MIN_SIZE:
        raise VaultError("too_short")
    prefix = Prefix.read(_read(source, 0, header.PREFIX))
    if source.size < prefix.size:
        raise VaultError("too_short")
    return prefix


def _has_footer(source: Source, prefix: Prefix) -> bool:
    magic = len(parts.END_MAGIC)
    return source.size >= prefix.size + magic and _read(source, source.size - magic, magic) == parts.END_MAGIC


def _lengths(source: Source, offset: int, *, strict: bool) -> Iterator[Part]:
    while offset + parts.LENGTH <= source.size:
        ct_size = parts.read_length(_read(source, offset, parts.LENGTH))
        if not parts.allowed(ct_size):
            if strict:
                raise VaultError("damaged", "length of a part")
            return
        if offset + parts.LENGTH + ct_size > source.size:
            return
        yield Part(offset, parts.LENGTH + ct_size)
        offset += parts.LENGTH + ct_size


def _trailer(source: Source, opened: Header, sign_public: bytes) -> Table:
    ct_size, count = parts.read_footer(_read(source, source.size - parts.FOOTER, parts.FOOTER))
    start = source.size - parts.FOOTER - ct_size - parts.LENGTH
    if start < opened.prefix.size or parts.read_length(_read(source, start, parts.LENGTH)) != ct_size:
        raise VaultError("trailer_damaged", "footer")
    return _open_trailer(opened, sign_public, _read(source, start + parts.LENGTH, ct_size), count, start)


def _open_trailer(opened: Header, sign_public: bytes, ct: bytes, count: int, start: int) -> Table:
    plaintext = parts.open_(opened, count, PartType.TRAILER, ct, "trailer_damaged")
    table = plaintext[SIGNATURE_SIZE:].rstrip(b" ")
    identity.verify(sign_public, parts.signed_table(opened, table), plaintext[:SIGNATURE_SIZE])
    return parts.read_table(opened, table, count, start)


def _walk(source: Source, opened: Header) -> tuple[Part, ...]:
    kind = opened.metadata.kind
    found: list[Part] = []
    for part in _lengths(source, opened.prefix.size, strict=True):
        counter = len(found)
        ct = _read(source, part.offset + parts.LENGTH, part.size - parts.LENGTH)
        try:
            parts.open_(opened, counter, parts.type_of(kind, counter), ct)
        except VaultError:
            _cut_in_footer(source, opened, part, ct, counter)
            return tuple(found)
        if counter >= parts.MAX_PARTS:
            raise VaultError("damaged", "number of parts")
        found.append(part)
    return tuple(found)


def _cut_in_footer(source: Source, opened: Header, part: Part, ct: bytes, counter: int) -> None:
    """Refuse a part that does not open, unless it is the trailer of a writer that died inside the footer."""
    parts.open_(opened, counter, PartType.TRAILER, ct)
    end = part.offset + part.size
    rest = _read(source, end, source.size - end)
    if len(rest) >= parts.FOOTER or not parts.write_footer(len(ct), counter).startswith(rest):
        raise VaultError("damaged", "what follows the trailer")


def _read(source: Source, offset: int, length: int) -> bytes:
    data = source.read(offset, length)
    if len(data) != length:
        raise VaultError("damaged", "fewer bytes than there were")
    return data
