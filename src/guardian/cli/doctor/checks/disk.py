"""Is there room where state is kept, and on the system's own file system?"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from guardian.cli.doctor.finding import Finding, Subject, bad, doubtful, good, unseen

_GIB = 1 << 30
_DATABASE = Path("/var/lib/postgresql")


def check(subject: Subject) -> Iterator[Finding]:
    """Room and inodes of each file system once, the state folder's first."""
    state = subject.place.state_dir
    if state is None:
        return
    devices: set[int] = set()
    for folder in [state, *_others(subject)]:
        try:
            device, mount = folder.stat().st_dev, os.statvfs(folder)
        except PermissionError:
            yield unseen("disk", f"{folder} is not for your eyes.")
            continue
        except OSError as error:
            if folder == state:
                yield bad("disk_unusable", f"The state directory {folder} cannot be used: {error.strerror}.")
            continue
        if device in devices:
            continue
        devices.add(device)
        if folder == state and mount.f_flag & os.ST_RDONLY:
            yield bad("disk_readonly", f"The file system of {folder} is mounted read-only.")
        yield from judge(folder, mount)


def _others(subject: Subject) -> list[Path]:
    """Daemons' folders may be file systems of their own."""
    if not subject.host or subject.place.state_dir is None:
        return []
    try:
        inner = sorted(path for path in subject.place.state_dir.iterdir() if path.is_dir())[:64]
    except OSError:
        inner = []
    database = [_DATABASE] if subject.place.tier == "control" else []
    return [*inner, *database, Path("/"), Path("/var/log")]


def judge(folder: Path, mount: os.statvfs_result) -> Iterator[Finding]:
    """Less than 1 % (at most 256 MiB) is full, less than 5 % (at most 2 GiB) is low."""
    usage = shutil.disk_usage(folder)
    said = f"{_size(usage.free)} free of {_size(usage.total)} below {folder}"
    # What is free is for everybody but the reserve of root's: f_bavail, as shutil has it.
    if usage.free < max(0.01 * usage.total, min(_GIB // 4, 0.05 * usage.total)):
        yield bad("disk_full", f"Only {said}: recording stops when it is full.")
    elif usage.free < max(0.05 * usage.total, min(2 * _GIB, 0.1 * usage.total)):
        yield doubtful("disk_low", f"Only {said}.")
    else:
        yield good("disk", f"{said}.")
    # Some file systems have no fixed number of inodes and say 0.
    if mount.f_files and mount.f_favail < 0.02 * mount.f_files:
        yield bad("inodes_low", f"The file system below {folder} has room for only {mount.f_favail} more files.")


def _size(count: int) -> str:
    return f"{count / _GIB:.1f} GiB" if count >= _GIB else f"{count >> 20} MiB"
