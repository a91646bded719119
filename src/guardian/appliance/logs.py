"""What a rescue saves to a stick, a closed list: journal, notes of failures, what the look said; and nothing else."""

import contextlib
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, BinaryIO, cast

from guardian.appliance import medium
from guardian.appliance.layout import STATE
from guardian.appliance.screen import Tell
from guardian.common.errors import GuardianError
from guardian.common.failures import note
from guardian.common.files import folder_below, names_below, open_plain

_JOURNAL = PurePath("system/var/log/journal")
_FAILURES = STATE / "failures"
_MACHINE = re.compile(r"[0-9a-f]{32}")
_FILE = re.compile(r"(system|user-[0-9]+)(@[0-9a-f-]+)?\.journal~?")
# Of the journal, the newest of it.
MOST = 1 << 30
# What the archive has around a file.
_AROUND = 2048


class LogsError(GuardianError):
    """Logs that could not be saved."""


@dataclass(frozen=True)
class Source:
    """A file of the data partition; `folder` from its root, `size` in bytes, `time` in seconds since 1970."""

    folder: PurePath
    name: str
    size: int
    time: float

    @property
    def path(self) -> str:
        """Its name in the archive."""
        return (self.folder.relative_to("system") / self.name).as_posix()


def sources(data: Path, most: int = MOST) -> list[Source]:
    """What there is to save of a data partition mounted at `data`; of the journal at most `most` bytes."""
    journal = [
        source
        for machine in names_below(data, _JOURNAL)
        if _MACHINE.fullmatch(machine)
        for source in _plain(data, _JOURNAL / machine, _FILE.fullmatch)
    ]
    chosen, left = [], most
    for source in sorted(journal, key=lambda source: source.time, reverse=True):
        if source.size <= left:
            chosen.append(source)
            left -= source.size
    notes = _plain(data, _FAILURES, lambda name: name.endswith(".json") and note.is_unit(name.removesuffix(".json")))
    return [*(source for source in notes if note.read(data / source.folder / source.name) is not None), *chosen]


def room(found: list[Source], texts: dict[str, str]) -> int:
    """Bytes that the archive has at most."""
    contents = [*(source.size for source in found), *(len(text.encode()) for text in texts.values())]
    # What cannot be compressed grows a little.
    return sum(size + _AROUND for size in contents) * 101 // 100 + (64 << 10)


def need(folder: Path, needed: int) -> None:
    """LogsError `logs_no_room` unless so many bytes are free there."""
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    if free < needed:
        raise LogsError(
            f"The stick has {free / 1e6:.0f} MB free, and up to {needed / 1e6:.0f} MB are needed.",
            reason="logs_no_room",
            hint="Delete something from it, or take another one.",
        )


def save(data: Path | None, texts: dict[str, str], folder: Path, name: str, tell: Tell) -> str:
    """Pack all into `folder`/`name`, durably; its SHA-256, which lies beside it.

    Args:
        data: where the data partition is mounted; None where it cannot be.
        texts: files that are made here, by their names in the archive.
        folder: of the stick; `logs_no_room` unless it has room for all.
    """
    found = sources(data) if data is not None else []
    need(folder, room(found, texts))
    aside = folder / f"{name}.part"
    try:
        with aside.open("wb") as file:
            digest = _Digesting(file)
            _pack(digest, data, found, texts, tell)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(folder / name)
        with (folder / f"{name}.sha256").open("w", encoding="ascii") as file:
            file.write(f"{digest.hex()}  {name}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise LogsError(
            f"The stick does not take the file: {error.strerror}.", reason="logs_unwritten", hint="Take another one."
        ) from error
    return digest.hex()


def verify(folder: Path, name: str, sha256: str, tell: Tell) -> None:
    """Read it back from the stick itself; LogsError `logs_damaged`."""
    path = folder / name
    medium.forget(path)
    with path.open("rb") as file:
        size = path.stat().st_size
        found = medium.digest(file, size, lambda part: tell("Reading it back", part))
    if found != sha256:
        raise LogsError(
            "The stick does not hold what was written to it.", reason="logs_damaged", hint="Take another one."
        )


class _Digesting:
    """Hands on to a file what is written, and knows its SHA-256."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return self._file.write(data)

    def hex(self) -> str:
        return self._digest.hexdigest()


class _Patient(io.RawIOBase):
    """A file of a disk that may be broken: what cannot be read is zeros, and its size is the one it had."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._place, self.whole = file, 0, True

    def read(self, size: int = -1) -> bytes:
        self._place += size
        data = b""
        try:
            data = self._file.read(size)
        except OSError:
            self._file.seek(self._place)
        self.whole = self.whole and len(data) == size
        return data.ljust(size, b"\0")


def _pack(into: _Digesting, data: Path | None, found: list[Source], texts: dict[str, str], tell: Tell) -> None:
    whole, done, broken = max(sum(source.size for source in found), 1), 0, []
    with tarfile.open(fileobj=cast("IO[bytes]", into), mode="w|gz") as archive:
        for name, text in texts.items():
            _add(archive, name, text)
        for source in found:
            tell("Saving logs", done / whole)
            if data is not None and not _copy(archive, data, source):
                broken.append(f"{source.path} could not be read to its end: the rest of it is zeros.\n")
            done += source.size
        _add(archive, "unread.txt", "".join(broken) or "Everything could be read.\n")
    tell("Saving logs", 1)


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode("utf-8", "replace")
    archive.addfile(_entry(name, len(content), 0), io.BytesIO(content))


def _copy(archive: tarfile.TarFile, data: Path, source: Source) -> bool:
    """Whether all of it could be read."""
    with folder_below(data, source.folder) as folder, open_plain(source.name, folder=folder) as file:
        patient = _Patient(file)
        archive.addfile(_entry(source.path, source.size, source.time), patient)
    return patient.whole


def _entry(name: str, size: int, time: float) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, int(time), 0o600
    return entry


def _plain(data: Path, inside: PurePath, wanted: Callable[[str], object]) -> Iterator[Source]:
    """Plain files of a folder whose names are wanted; a link or a pipe is none."""
    for name in names_below(data, inside):
        if not wanted(name):
            continue
        with (
            contextlib.suppress(OSError),
            folder_below(data, inside) as folder,
            open_plain(name, folder=folder) as file,
        ):
            about = os.fstat(file.fileno())
            yield Source(inside, name, about.st_size, about.st_mtime)
