"""Which cameras the folder names: only files that may be believed count; each is remembered by its hash."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from guardian.common.errors import GuardianError
from guardian.common.ids import is_camera_id
from guardian.edge.config import EdgeConfig, load_camera

MAX_CAMERAS = 256
_MAX_BYTES = 64 << 10


@dataclass(frozen=True)
class Folder:
    """Hash of each good camera's file by id, and by file what is wrong with those that are not."""

    good: dict[str, str]
    bad: dict[str, str]
    # Ids of the good ones that are on a port of this machine.
    local: frozenset[str]


def look(settings: EdgeConfig) -> Folder:
    """Read the folder; a file that is not good does not keep the others from being taken."""
    good: dict[str, str] = {}
    bad: dict[str, str] = {}
    local: set[str] = set()
    try:
        names = sorted(item.name for item in os.scandir(settings.cameras_dir) if item.name.endswith(".yaml"))
    except FileNotFoundError:
        names = []
    # Files that begin with a dot are being written.
    for name in (item for item in names if not item.startswith(".")):
        camera = name.removesuffix(".yaml")
        try:
            if not is_camera_id(camera):
                raise GuardianError("Its name is no camera's: 1 to 32 of a-z, 0-9 and _.", reason="camera_name")
            if len(good) == MAX_CAMERAS:
                raise GuardianError(f"An edge watches at most {MAX_CAMERAS} cameras.", reason="camera_count")
            digest = _digest(settings.cameras_dir / name)
            if load_camera(settings, camera).device:
                local.add(camera)
        except GuardianError as error:
            bad[name] = str(error)
        else:
            good[camera] = digest
    return Folder(good, bad, frozenset(local))


def _digest(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise GuardianError(f"It cannot be read: {error.strerror}.", reason="camera_file") from error
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_mode & stat.S_IWOTH:
            raise GuardianError("It is no plain file, or anybody may write it.", reason="camera_file")
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise GuardianError("It is too large.", reason="camera_file")
    return hashlib.sha256(data).hexdigest()
