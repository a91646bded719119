"""`STATE/update/incoming/`: as much of one offered bundle as is here. It survives every end of the fetcher."""

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from guardian.common import bundle
from guardian.common.files import open_plain, sync_directory
from guardian.edge.update.asking import Offer, kind
from guardian.edge.update.errors import UpdateError

# Left free beside an update, in bytes: recordings come first.
SPARE = 512 << 20
_SYNC_EVERY = 64 << 20


class Incoming:
    """One bundle: `NAME.part` while it comes, `NAME.whole` when each byte was looked at."""

    def __init__(self, folder: Path, offer: Offer) -> None:
        self._folder = folder
        self._offer = offer
        self._part = folder / f"{offer.name}.part"
        self.whole = folder / f"{offer.name}.whole"
        self._unsynced = 0

    @property
    def have(self) -> int:
        """Bytes that are here."""
        for path in (self.whole, self._part):
            if path.is_file() and not path.is_symlink():
                return path.stat().st_size
        return 0

    @property
    def is_whole(self) -> bool:
        """Whether all of it was here and verified."""
        return self.whole.is_file() and self.have == self._offer.size

    def tidy(self) -> None:
        """Drop what is here of anything else, and what is longer than it can be."""
        keep = {self._part.name, self.whole.name} if self.have <= self._offer.size else set()
        clear(self._folder, keep)

    def make_room(self) -> None:
        """UpdateError `update_disk_full` when the rest would leave too little for recordings."""
        free, rest = shutil.disk_usage(self._folder).free, self._offer.size - self.have
        if free < rest + SPARE:
            raise _disk_full(rest + SPARE - free)

    def append(self, data: bytes) -> None:
        """The next bytes; what was begun is dropped when the disk is full."""
        try:
            descriptor = os.open(
                self._part, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            try:
                left = memoryview(data)
                while left:
                    left = left[os.write(descriptor, left) :]
                self._unsynced += len(data)
                if self._unsynced >= _SYNC_EVERY:
                    os.fdatasync(descriptor)
                    self._unsynced = 0
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                self.drop()
                raise _disk_full(len(data)) from error
            raise UpdateError(f"The update cannot be kept: {error.strerror}.", reason="update_unwritable") from error

    def check_head(self, keys: Iterable[bytes]) -> None:
        """Is what is coming what was offered, signed by whom this machine trusts? Drops it otherwise."""
        try:
            with open_plain(self._part) as file:
                manifest, begin = bundle.read_manifest(file, keys)
            if manifest.kind != kind():
                raise UpdateError(
                    f"The node offers an update of kind {manifest.kind}; this machine takes {kind()}.",
                    reason="update_kind",
                )
            if (manifest.version, begin + manifest.payload_size) != (self._offer.version, self._offer.size):
                raise UpdateError("The node offers another update than it says.", reason="update_mismatch")
        except (bundle.BundleError, UpdateError):
            self.drop()
            raise

    def finish(self, keys: Iterable[bytes]) -> None:
        """All is here: look at every byte, and drop it when one of them is wrong."""
        try:
            with open_plain(self._part) as file:
                os.fsync(file.fileno())
                bundle.verify(file, keys)
        except bundle.BundleError:
            self.drop()
            raise
        self._part.rename(self.whole)
        sync_directory(self._folder)

    def hand_over(self, target: Path) -> None:
        """Root takes it from there, and looks at it again."""
        self.whole.chmod(0o644)
        self.whole.rename(target)
        sync_directory(target.parent)
        sync_directory(self._folder)

    def drop(self) -> None:
        """Begin anew next time."""
        self._part.unlink(missing_ok=True)
        self.whole.unlink(missing_ok=True)


def clear(folder: Path, keep: Iterable[str] = ()) -> None:
    """Drop everything but these."""
    kept = set(keep)
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()


def _disk_full(missing: int) -> UpdateError:
    return UpdateError(
        f"There is no room for the update: {missing / 1e6:.0f} MB more would have to be free.",
        reason="update_disk_full",
        hint="Recordings come first; it is tried again.",
    )
