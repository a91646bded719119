"""A partition mounted for a while, with nothing on it that could be run or be a device."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from guardian.appliance import medium
from guardian.appliance.programs import run


@contextlib.contextmanager
def mounted(device: str, kind: str, options: str) -> Iterator[Path]:
    """Where it is mounted, until the block ends; afterwards nothing of it is remembered.

    Args:
        kind: of the file system.
        options: `ro` or `rw`, and what the file system has besides.
    """
    folder = Path(tempfile.mkdtemp(prefix="guardian-mount-"))
    try:
        _run("mount", "-t", kind, "-o", f"{options},nodev,nosuid,noexec", device, str(folder))
        try:
            yield folder
        finally:
            _run("umount", str(folder))
    finally:
        folder.rmdir()
    medium.forget(Path(device))


def _run(*command: str) -> None:
    run(*command, reason="mount_failed", hint="The partition may be broken.")
