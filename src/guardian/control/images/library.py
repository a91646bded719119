"""The generic images in the operator's folder: hashed once, and only those offered that are what their note says."""

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from guardian.common import log, seed_region
from guardian.common.config import Section
from guardian.common.errors import GuardianError
from guardian.common.files import open_plain, read_plain
from guardian.control.images.schemas import FILE_NAME

BLOCK = 1 << 20
# Behind the seed only the table's copy lies, and what a tool fills up with.
MAX_TAIL = 1 << 20
_NAME = re.compile(FILE_NAME)
_MOST = 50
# A request waits so long for an image that is being hashed; it goes on being hashed.
PATIENCE = 20.0
_log = log.get(__name__)
_Stamp = tuple[int, ...]


class ImageError(GuardianError):
    """A file that is not offered."""


class Note(Section):
    """`FILE.iso.json`, beside the image."""

    version: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(gt=0)


@dataclass(frozen=True)
class Generic:
    """An image that was found good, and what makes the hash of one with a seed a matter of milliseconds."""

    path: Path
    note: Note
    place: seed_region.Place
    tail: bytes
    stamp: _Stamp
    # SHA-256 of all before the seed's region, to be gone on with.
    _prefix: Any = field(repr=False)

    def sha256_with(self, region: bytes) -> bytes:
        """SHA-256 of the image with another region in it."""
        whole = self._prefix.copy()
        whole.update(region)
        whole.update(self.tail)
        return bytes(whole.digest())

    def open(self) -> BufferedReader:
        """The file; ImageError `image_changed` when it is no longer the one that was hashed."""
        try:
            file = open_plain(self.path, follow=True)
        except OSError as error:
            raise _changed(self.path) from error
        if _stamp_of(os.fstat(file.fileno())) != self.stamp[:2]:
            file.close()
            raise _changed(self.path)
        return file


@dataclass
class Library:
    """What is in the folder; each file is read whole when it is first met, and when it has changed."""

    folder: Path | None
    stopping: Callable[[], bool] = lambda: False
    _known: dict[Path, tuple[_Stamp, asyncio.Task[Generic | None]]] = field(default_factory=dict)
    # One at a time: a disk is not faster by being asked for two files.
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def all(self) -> list[Generic]:
        """The good ones by name; those that are still being read are not among them yet."""
        if self.folder is None:
            return []
        try:
            paths = sorted(path for path in self.folder.iterdir() if _NAME.fullmatch(path.name))[:_MOST]
        except OSError as error:
            _log.error("image_refused", path=str(self.folder), reason="images_unreadable", sentence=error.strerror)
            return []
        for gone in self._known.keys() - set(paths):
            del self._known[gone]
        tasks = [task for task in map(self._look, paths) if task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)
        return [found for task in tasks if task.done() and (found := task.result()) is not None]

    async def get(self, name: str) -> Generic | None:
        """One of them, None when there is no such good one; ImageError `image_unread` while that is not known."""
        if self.folder is None or not _NAME.fullmatch(name):
            return None
        task = self._look(self.folder / name)
        if task is None:
            return None
        await asyncio.wait([task], timeout=PATIENCE)
        if not task.done():
            raise ImageError("The image is still being looked at. Try again soon.", reason="image_unread")
        return task.result()

    def _look(self, path: Path) -> asyncio.Task[Generic | None] | None:
        try:
            stamp = *_stamp_of(path.stat()), *_stamp_of(_note_of(path).stat())
        except OSError:
            # Without its note a file is not yet, or no longer, laid there.
            self._known.pop(path, None)
            return None
        known = self._known.get(path)
        if known is None or known[0] != stamp:
            known = self._known[path] = stamp, asyncio.create_task(self._read(path, stamp))
        return known[1]

    async def _read(self, path: Path, stamp: _Stamp) -> Generic | None:
        async with self.turn:
            try:
                return await asyncio.to_thread(_examine, path, stamp, self.stopping)
            except GuardianError as error:
                _log.error("image_refused", path=str(path), reason=error.reason, sentence=str(error))
                return None


def _examine(path: Path, stamp: _Stamp, stopping: Callable[[], bool]) -> Generic:
    try:
        note = Note.model_validate(json.loads(read_plain(_note_of(path), 4096, follow=True)), strict=True)
    except (OSError, ValueError, RecursionError, ValidationError):
        raise ImageError(f"{_note_of(path)} does not say version, sha256 and size.", reason="image_note") from None
    try:
        with open_plain(path, follow=True) as file:
            place = seed_region.find(file)
            size = os.fstat(file.fileno()).st_size
            end = place.offset + seed_region.SIZE
            if size - end > MAX_TAIL:
                raise ImageError(f"{path} goes on for too long behind its seed's place.", reason="image_form")
            prefix = hashlib.sha256()
            _hash(file, place.offset, prefix, stopping)
            region, tail = _exactly(file, place.offset, seed_region.SIZE), _exactly(file, end, size - end)
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.", reason="image_unreadable") from error
    if seed_region.read(region) is not None:
        raise ImageError(f"{path} has a seed already; a generic image has none.", reason="image_seeded")
    found = Generic(path, note, place, tail, stamp, prefix)
    if found.sha256_with(region).hex() != note.sha256 or size != note.size:
        raise ImageError(f"{path} is not what its note says: size or SHA-256 differ.", reason="image_damaged")
    return found


def _hash(file: BufferedReader, end: int, digest: Any, stopping: Callable[[], bool]) -> None:
    position = 0
    while position < end:
        if stopping():
            raise ImageError("This daemon is told to stop.", reason="stopping")
        data = os.pread(file.fileno(), min(BLOCK, end - position), position)
        if not data:
            raise ImageError(f"{file.name} became shorter while it was read.", reason="image_changed")
        digest.update(data)
        position += len(data)


def _exactly(file: BufferedReader, offset: int, count: int) -> bytes:
    data = os.pread(file.fileno(), count, offset)
    if len(data) != count:
        raise ImageError(f"{file.name} became shorter while it was read.", reason="image_changed")
    return data


def _note_of(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _stamp_of(about: os.stat_result) -> _Stamp:
    return about.st_size, about.st_mtime_ns


def _changed(path: Path) -> ImageError:
    return ImageError(f"{path.name} is not the image it was.", reason="image_changed")
