"""Sealed objects by id: found through the cameras' indexes and the analyzer's folder, read by range, never outside."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from guardian.common.database import open_sqlite
from guardian.common.ids import is_camera_id, parse_hex_id

_Place = tuple[Path, list[str]]
Reason = Literal["not_found", "range", "io"]
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_REMEMBERED = 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class ObjectError(Exception):
    """Why bytes cannot be had; `size` is the object's where known."""

    def __init__(self, reason: Reason, size: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.size = size


@dataclass
class OpenObject:
    """An open file; it may still be growing."""

    descriptor: int

    def size(self) -> int:
        """Its size now."""
        return os.fstat(self.descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes; ObjectError when the disk fails."""
        try:
            return os.pread(self.descriptor, length, offset)
        except OSError as error:
            raise ObjectError("io") from error

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)


class Objects:
    """Everything sealed under one state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._places: dict[str, _Place] = {}

    def open(self, object_id: str) -> OpenObject:
        """Open an object; ObjectError `not_found` for whatever is not one of this edge's objects."""
        try:
            parse_hex_id(object_id)
        except ValueError:
            raise ObjectError("not_found") from None
        for root, parts in self._candidates(object_id):
            try:
                opened = OpenObject(open_inside(root, parts))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise ObjectError("io") from error
            self._remember(object_id, (root, parts))
            return opened
        raise ObjectError("not_found")

    def _remember(self, object_id: str, place: _Place) -> None:
        self._places[object_id] = place
        while len(self._places) > _REMEMBERED:
            del self._places[next(iter(self._places))]

    def _candidates(self, object_id: str) -> Iterator[_Place]:
        # A clip is read in many ranges: its place is looked up once.
        if known := self._places.get(object_id):
            yield known
        for index in sorted((self._state_dir / "cameras").glob("*/index.db")):
            if is_camera_id(index.parent.name) and (path := _clip_path(index, object_id)):
                yield index.parent, path.split("/")
        objects = self._state_dir / "analyzer" / "objects"
        # Newest first: what is looked at is mostly of today.
        days = sorted((item.name for item in _entries(objects) if _DAY.fullmatch(item.name)), reverse=True)
        for day in days:
            yield objects, [day, f"{object_id}.sealed"]


def open_inside(root: Path, parts: list[str]) -> int:
    """Open a plain file below `root` for reading, following no link and no `..`; OSError otherwise."""
    if not parts or any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise FileNotFoundError
    descriptor = os.open(root, _FOLDER)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=descriptor)
    except OSError as error:
        # A link, or a file where a folder should be: not one of ours.
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise FileNotFoundError from error
        raise
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FileNotFoundError
    return file


def _clip_path(index: Path, object_id: str) -> str:
    engine = open_sqlite(index, read_only=True)
    try:
        with engine.connect() as connection:
            query = "SELECT path FROM clips WHERE object_id = ?"
            found = connection.exec_driver_sql(query, (object_id,)).scalar_one_or_none()
    except sa.exc.OperationalError:
        # A camera whose index is not made yet has no clips.
        return ""
    finally:
        engine.dispose()
    return str(found or "")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        return list(found)
    return []
