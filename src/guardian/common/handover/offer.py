"""The writer's side: secrets laid into `STATE/NAME/handover/`, `ready` last; without that folder, where they belong."""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from guardian.common.files import sync_directory, write_atomic
from guardian.common.handover import table

FOLDER = "handover"
READY = "ready"


def folder_of(state_dir: Path, writer: str) -> Path:
    """`STATE/NAME/handover`."""
    return state_dir / writer / FOLDER


def is_wanted(state_dir: Path, writer: str) -> bool:
    """Whether this host has a credential store behind the folder: the unit makes it, the demo has none."""
    return folder_of(state_dir, writer).is_dir()


def is_waiting(state_dir: Path, writer: str) -> bool:
    """Whether an offer has not been taken yet."""
    return (folder_of(state_dir, writer) / READY).exists()


def lay(state_dir: Path, writer: str, secrets: Mapping[str, bytes]) -> None:
    """Lay secrets into the folder; nothing takes them before `close`. What an earlier try left is replaced."""
    folder = folder_of(state_dir, writer)
    discard(state_dir, writer)
    for name, data in secrets.items():
        write_atomic(folder / name, data)


def laid(state_dir: Path, writer: str) -> dict[str, bytes]:
    """The secrets that lie there now, offered or not yet; root may take them meanwhile."""
    found = {}
    for name in table.WRITERS[writer]:
        with contextlib.suppress(FileNotFoundError):
            found[name] = (folder_of(state_dir, writer) / name).read_bytes()
    return found


def close(state_dir: Path, writer: str, removals: Iterable[str] = ()) -> None:
    """The offer is whole: root's oneshot may take it. Secrets named in `removals` are taken out of the store."""
    folder = folder_of(state_dir, writer)
    for name in removals:
        write_atomic(folder / name, b"")
    write_atomic(folder / READY, b"")


def discard(state_dir: Path, writer: str) -> None:
    """Take back what was not taken."""
    folder = folder_of(state_dir, writer)
    # `ready` goes first: half an offer must not look whole.
    (folder / READY).unlink(missing_ok=True)
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    sync_directory(folder)
