"""Files that are whole or not there: written aside, synced, renamed, folder synced.

And files in folders of somebody else's, who may lay a link, a pipe or a device where a file is looked for: they are
opened by descriptor, never followed, and only a plain file is read.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path, PurePath
from typing import IO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFDIR: "a folder",
}


class OddFileError(OSError):
    """Something else lies where a plain file should; its `strerror` says what."""

    def __init__(self, path: str | PurePath, what: str) -> None:
        super().__init__(errno.EINVAL, what, str(path))


def sync_directory(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` with `data`, durably; a reader sees the old file or the new, never a part."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with replacing(folder, path.name, mode=mode) as file:
            file.write(data)
    finally:
        os.close(folder)


@contextlib.contextmanager
def replacing(folder: int, name: str, *, mode: int, owner: tuple[int, int] | None = None) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of `name` in an open folder, durably, when the block ends well."""
    aside = f".{name}.{os.getpid()}.new"
    # Whoever may write to the folder cannot have us write to a file of their choice.
    remove(folder, aside)
    descriptor = os.open(
        aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.rename(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        remove(folder, aside)
        raise
    os.fsync(folder)


def remove(folder: int, name: str) -> None:
    """Take a name out of an open folder; it need not be there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


@contextlib.contextmanager
def folder_below(root: Path, inside: PurePath, *, make_for: tuple[int, int] | None = None) -> Iterator[int]:
    """The folder `inside` below `root`, open; no link on the way is followed, save in `root` itself.

    Args:
        make_for: make what is missing, mode 750, for this user and group.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in inside.parts:
            try:
                inner = _enter(descriptor, part, make_for)
            except NotADirectoryError as error:
                raise OddFileError(root / inside, f"{part} lies on the way, and is no folder") from error
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def names_below(root: Path, inside: PurePath) -> list[str]:
    """Names in the folder `inside` below `root`, sorted; none where it cannot be read, or a link lies on the way."""
    with contextlib.suppress(OSError), folder_below(root, inside) as folder:
        return sorted(os.listdir(folder))
    return []


def _enter(folder: int, name: str, make_for: tuple[int, int] | None) -> int:
    if name in ("..", "/"):
        raise ValueError(f"{name} leads out of the folder it is looked for in")
    with contextlib.suppress(FileNotFoundError):
        return os.open(name, _FOLDER, dir_fd=folder)
    if make_for is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    os.mkdir(name, 0o700, dir_fd=folder)
    made = os.open(name, _FOLDER, dir_fd=folder)
    try:
        if os.fstat(made).st_uid != os.geteuid():
            # Somebody put another folder there meanwhile: it is not ours to give away.
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)
        os.fchown(made, *make_for)
        os.fchmod(made, 0o750)
    except BaseException:
        os.close(made)
        raise
    return made


def open_plain(path: str | Path, *, folder: int | None = None, follow: bool = False) -> BufferedReader:
    """A plain file, open to be read; OddFileError for anything else, without waiting for a pipe's other end.

    Args:
        folder: an open folder that `path` is a name in.
        follow: let the last part of `path` be a link, where root alone lays them.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OddFileError(path, "a link lies there, not a file") from error
        if error.errno == errno.ENXIO:
            raise OddFileError(path, "a socket lies there, not a file") from error
        raise
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        raise OddFileError(path, f"{_KINDS.get(kind, 'a device')} lies there, not a file")
    return os.fdopen(descriptor, "rb")


def read_plain(path: Path, most: int, *, follow: bool = False) -> bytes:
    """All of a plain file of at most `most` bytes; OddFileError for anything else. See `open_plain`."""
    with open_plain(path, follow=follow) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OddFileError(path, f"it is larger than {most} bytes")
    return data


def private_folder(path: Path, *, mode: int = 0o700) -> Path:
    """Make a folder (and its parents) with `mode`; an existing one keeps its own mode."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    return path
