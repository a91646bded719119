"""A seed that somebody copied to a stick by hand: `guardian-seed.json` on a FAT file system labelled GUARDIAN."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from guardian.common import log, seed_image
from guardian.common.fat import Fat, Found

# udev names it so: a FAT file system of that label, and no other (roles/appliance).
DEVICE = Path("/dev/guardian-stick")
FILE = "guardian-seed.json"
_log = log.get(__name__)


class StickFile:
    """The file on an open stick."""

    def __init__(self, system: Fat, found: Found, *, writable: bool) -> None:
        self._system, self._found, self._writable = system, found, writable
        self.content = system.content(found)

    def wipe(self) -> bool:
        """Whether zeros lie where it was, durably. What an editor left of it elsewhere is not found."""
        if not self._writable:
            return False
        try:
            self._system.wipe(self._found)
        except OSError as error:
            _log.warning("seed_not_emptied", error=error.strerror)
            return False
        return True


@contextlib.contextmanager
def opened(device: Path, most: int) -> Iterator[StickFile | None]:
    """The file, of at most `most` bytes; None without a stick or without the file; FatError for an odd stick."""
    with seed_image.medium(device) as medium:
        if medium is None:
            yield None
            return
        system = Fat(medium)
        found = system.find(FILE, most)
        yield None if found is None else StickFile(system, found, writable=medium.writable())
