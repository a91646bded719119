"""Writing a sealed object: a part counts only once it is durable, and a failed write ends the object for good."""

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from guardian.common.files import sync_directory
from guardian.vault import header, parts
from guardian.vault.encoding import MAX_INT
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys
from guardian.vault.parts import Part, PartType, Table
from guardian.vault.roster_form import Epoch


class Sink(Protocol):
    """Where sealed bytes go."""

    def write(self, *pieces: bytes | memoryview) -> None:
        """Append all the pieces, or raise OSError. They change once this returned."""

    def sync(self) -> None:
        """Return when all that was written is durable, or raise OSError."""

    def close(self) -> None:
        """Let go."""


class FileSink:
    """A new file, appended to; its name is durable before its first byte."""

    def __init__(self, path: Path, *, mode: int = 0o640) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        sync_directory(path.parent)

    def write(self, *pieces: bytes | memoryview) -> None:
        """Append all the pieces."""
        rest = [memoryview(piece) for piece in pieces if piece]
        while rest:
            done = os.writev(self._descriptor, rest)
            while rest and done >= len(rest[0]):
                done -= len(rest.pop(0))
            if rest:
                rest[0] = rest[0][done:]

    def sync(self) -> None:
        """Data and size reach the disk."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class SealedWriter:
    """One object being written. Use as a context manager: leaving it without `close()` leaves the object truncated.

    Any method may raise VaultError `write_failed` (the OSError is its cause); from then on all raise `writer_ended`.
    """

    def __init__(
        self, sink: Sink, epoch: Epoch, keys: Keys, metadata: header.Metadata, *, object_id: str | None = None
    ) -> None:
        self._sink = sink
        self._keys = keys
        self._parts: list[Part] = []
        self._body = hashlib.sha256()
        # Plaintext and ciphertext of the part being written, used again for the next.
        self._plain, self._ct = memoryview(b""), memoryview(b"")
        self._open = True
        start, self._header = header.make(metadata, epoch.number, epoch.public, keys, object_id)
        self._size = 0
        self._append(start)

    @classmethod
    def create(
        cls, path: Path, epoch: Epoch, keys: Keys, metadata: header.Metadata, *, object_id: str | None = None
    ) -> Self:
        """Begin a new file at `path`; refused by the system (FileExistsError) if there is one."""
        sink = FileSink(path)
        try:
            return cls(sink, epoch, keys, metadata, object_id=object_id)
        except BaseException:
            sink.close()
            raise

    @property
    def object_id(self) -> str:
        """The opaque id, 32 hex digits."""
        return self._header.prefix.object_id

    @property
    def size(self) -> int:
        """Bytes that are durable."""
        return self._size

    @property
    def count(self) -> int:
        """Parts that are durable."""
        return len(self._parts)

    def init(self, data: bytes) -> None:
        """A clip's init segment (`ftyp`, `moov`), first and once."""
        self._need(self._header.metadata.kind == "clip" and not self._parts, "init segment")
        self._part(PartType.INIT, data, parts.clip_padding(len(data)))

    def media(self, data: bytes, start: int, duration: int, key: bool) -> None:
        """A clip's next fragment; times in ticks from the first picture."""
        self._need(self._header.metadata.kind == "clip" and bool(self._parts), "fragment")
        self._part(PartType.MEDIA, data, parts.clip_padding(len(data)), start=start, duration=duration, key=key)

    def data(self, data: bytes) -> None:
        """The whole content of a snapshot or thumbnail, once."""
        self._need(self._header.metadata.kind != "clip" and not self._parts and bool(data), "data")
        for at in range(0, len(data), parts.MAX_DATA):
            self._part(PartType.DATA, *parts.pad_data(data[at : at + parts.MAX_DATA]))

    def close(self) -> None:
        """Write the trailer; the object is complete, and nothing more can be written."""
        self._need(bool(self._parts), "nothing was written")
        table = parts.write_table(Table(self._body.digest(), tuple(self._parts)))
        signature = self._keys.sign(parts.signed_table(self._header, table))
        plaintext = parts.pad_trailer(signature, table)
        ct = parts.seal(self._header, len(self._parts), PartType.TRAILER, plaintext)
        self._append(parts.write_length(len(ct)), ct, parts.write_footer(len(ct), len(self._parts)))
        self.abandon()

    def abandon(self) -> None:
        """Let go of the file as it is."""
        self._open = False
        self._sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def _part(self, type_: PartType, *pieces: bytes, start: int = 0, duration: int = 0, key: bool = False) -> None:
        size = sum(map(len, pieces))
        # Checked before the counter is spent: the caller may close the object and begin another.
        self._need(0 < size <= parts.MAX_PLAIN, "size of a part")
        self._need(len(self._parts) < parts.MAX_PARTS, "number of parts")
        self._need(0 <= start <= MAX_INT and 0 <= duration <= MAX_INT, "time of a part")
        self._fill(pieces, size)
        ct = self._ct[: size + parts.TAG]
        parts.seal_into(self._header, len(self._parts), type_, self._plain[:size], ct)
        length = parts.write_length(len(ct))
        offset = self._size
        self._append(length, ct)
        self._body.update(length)
        self._body.update(ct)
        self._parts.append(Part(offset, len(length) + len(ct), start, duration, key))

    def _fill(self, pieces: tuple[bytes, ...], size: int) -> None:
        if len(self._plain) < size:
            self._plain, self._ct = memoryview(bytearray(size)), memoryview(bytearray(size + parts.TAG))
        at = 0
        for piece in pieces:
            self._plain[at : at + len(piece)] = piece
            at += len(piece)

    def _append(self, *pieces: bytes | memoryview) -> None:
        # Closed while writing: whatever interrupts it, this counter is never used again.
        self._open = False
        try:
            self._sink.write(*pieces)
            self._sink.sync()
        except OSError as error:
            self._sink.close()
            raise VaultError("write_failed", error.strerror or "") from error
        self._size += sum(map(len, pieces))
        self._open = True

    def _need(self, holds: bool, detail: str) -> None:
        if not self._open:
            raise VaultError("writer_ended")
        if not holds:
            raise VaultError("writer_misused", detail)
