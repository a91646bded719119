"""What of a host goes into its backup, and where it goes back to."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from guardian.common.errors import GuardianError
from guardian.common.files import folder_below, open_plain

# One file may be so large: a store of many years.
MAX_BYTES = 16 << 30
STORES = {
    # In this order: what counts how far something got is copied before what it counts. A cursor that is behind has
    # something sent again; one that is ahead would lose it.
    "edge": ("uplink/uplink.db", "analyzer/events.db", "cameras/*/index.db"),
    "node": ("agent/agent.db", "gateway/node.db"),
    "control": (),
}
# Sealed recordings stay on the edge, secrets have a way of their own, what is being made or handed over is half done,
# and new systems can be had again.
LEFT_OUT = frozenset({"clips", "objects", "handover", "kept.json", "models", "update", "updates"})
DUMPS = Path("/var/backups/guardian/database")


@dataclass(frozen=True)
class Layout:
    """Where things are on the host; below another root for a trial."""

    root: Path = Path("/")

    @property
    def state(self) -> Path:
        """One folder a daemon."""
        return self.root / "var/lib/guardian"

    @property
    def etc(self) -> Path:
        """Configuration."""
        return self.root / "etc/guardian"

    @property
    def credentials(self) -> Path:
        """Secrets, encrypted to this machine."""
        return self.root / "etc/credstore.encrypted"


def stores(layout: Layout, tier: str) -> list[Path]:
    """SQLite stores that are there, in the order they are to be copied in."""
    return [path for pattern in STORES[tier] for path in sorted(layout.state.glob(pattern))]


def files(layout: Layout) -> Iterator[Path]:
    """Configuration and what daemons keep besides stores: identity, certificates, rosters."""
    for folder in (layout.etc, layout.state):
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.is_symlink() or not path.is_file() or LEFT_OUT & set(inside.parts):
                continue
            if folder == layout.etc and inside.parts[0] == "seed":
                continue
            if path.name.startswith(".") or ".db" in path.suffixes or path.name.endswith((".db-wal", ".db-shm")):
                continue
            yield path


@contextlib.contextmanager
def opened(root: Path, inside: Path) -> Iterator[tuple[BufferedReader, os.stat_result]]:
    """A file below `root`, and whose folder it is in; no link is followed to it. GuardianError `backup_unreadable`."""
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(folder_below(root, inside.parent))
            file = stack.enter_context(open_plain(inside.name, folder=folder))
        except OSError as error:
            raise GuardianError(
                f"{root / inside} cannot be read: {error.strerror}.",
                reason="backup_unreadable",
                hint="A daemon's folder holds plain files alone: look who laid this there.",
            ) from error
        yield file, os.fstat(folder)


def copy_store(root: Path, inside: Path, target: Path) -> os.stat_result:
    """A whole copy of a store in use, by SQLite's own means, and whose it is; its writer goes on meanwhile."""
    source = root / inside
    with opened(root, inside) as (file, folder):
        store = os.fstat(file.fileno())
    with contextlib.closing(sqlite3.connect(target)) as copy:
        # Opened for good now: below this process is somebody who may not write here.
        copy.execute("PRAGMA journal_mode=OFF")
        copy.execute("CREATE TABLE opened (x)")
        # SQLite opens by name: whatever the folder's owner puts there meanwhile, no more is read than it may read.
        with acting_as(folder.st_uid, folder.st_gid):
            try:
                with contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as original:
                    original.backup(copy)
            except sqlite3.Error as error:
                raise GuardianError(f"{source} cannot be copied: {error}.", reason="store_unusable") from error
        (verdict,) = copy.execute("PRAGMA integrity_check").fetchone()
    if verdict != "ok":
        raise GuardianError(f"{source} is damaged: {verdict}.", reason="store_damaged")
    return store


@contextlib.contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """As another user while it lasts, where this is root."""
    # What SQLite makes beside a store must not become root's, or its daemon could write it no more.
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
