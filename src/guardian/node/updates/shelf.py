"""`STATE/updates/`: bundles and `catalogue.json`. An operator's command writes it, the gateway reads.

A system's file is `VERSION.update`, a release's `VERSION-edge-release.update`.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from guardian.common import bundle
from guardian.common.errors import GuardianError, StoreError
from guardian.common.files import open_plain, private_folder, read_plain, replacing, sync_directory
from guardian.node.updates.rollout import MAX_BUNDLES, Bundle, Catalogue

KINDS = ("edge", "edge-release")
_CATALOGUE = "catalogue.json"
_LOCK = ".lock"
_MAX_BYTES = 1 << 20
# Left free beside a bundle: the node's events come first.
SPARE = 1 << 30


class UpdateError(GuardianError):
    """A bundle that this node does not take or does not have."""


def folder_of(state_dir: Path) -> Path:
    """`STATE/updates`."""
    return state_dir / "updates"


def read(folder: Path) -> Catalogue:
    """What is there; empty where no bundle was ever added. StoreError `updates_damaged`."""
    try:
        return Catalogue.model_validate_json(read_plain(folder / _CATALOGUE, _MAX_BYTES))
    except FileNotFoundError:
        return Catalogue()
    except (OSError, ValidationError) as error:
        raise StoreError(
            f"{folder / _CATALOGUE} cannot be read, so no edge is offered an update.",
            reason="updates_damaged",
            hint="Remove it and add the bundles again: `guardian node update add`.",
        ) from error


def mark(folder: Path) -> tuple[int, int, int] | None:
    """Another one each time the catalogue is replaced; None where there is none."""
    try:
        found = (folder / _CATALOGUE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def opened(folder: Path, item: Bundle) -> BufferedReader:
    """A bundle to read from; StoreError `updates_damaged` when it is not there or of another size."""
    try:
        file = open_plain(folder / file_name(item.version, item.kind))
    except OSError as error:
        raise _damaged(item, error.strerror or "it cannot be opened") from error
    if os.fstat(file.fileno()).st_size != item.size:
        file.close()
        raise _damaged(item, "it has another size than when it was added")
    return file


class Writer:
    """The one writer, while it holds the folder's lock (`writing`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.catalogue = read(folder)

    def add(
        self, source: Path, keys: list[bytes], channels: dict[str, int], tell: Callable[[float], None] = lambda _: None
    ) -> Bundle:
        """Take a copy of a bundle, every byte of it looked at; BundleError or UpdateError when it is not to be had."""
        with _plain(source) as file:
            manifest, begin = bundle.read_manifest(file, keys)
            size = begin + manifest.payload_size
            self._refuse(manifest, size)
            file.seek(0)
            digest = self._copy(file, manifest, size, keys, tell)
        item = Bundle(
            version=manifest.version,
            kind=manifest.kind,
            created=manifest.created,
            size=size,
            sha256=digest,
            channels=channels,
        )
        self._write(bundles=(*self.catalogue.bundles, item))
        return item

    def roll_out(self, version: str, channel: str, percent: int, kind: str | None = None) -> Bundle:
        """From now on so many of a channel's edges are offered it; a pause ends. `kind` where there are several."""
        item = self._find(version, kind)
        return self._replace(item, channels={**item.channels, channel: percent}, paused=False)

    def pause(self, version: str, kind: str | None = None) -> Bundle:
        """Nobody is offered it any more; who has it keeps it."""
        return self._replace(self._find(version, kind), paused=True)

    def remove(self, version: str, kind: str | None = None) -> None:
        """Take it away."""
        gone = self._find(version, kind)
        self._write(bundles=tuple(item for item in self.catalogue.bundles if item != gone))
        (self._folder / file_name(gone.version, gone.kind)).unlink(missing_ok=True)

    def pin(self, edge: str, channel: str | None) -> None:
        """Say an edge's channel here; None: as the edge itself says."""
        pins = {name: said for name, said in self.catalogue.pins.items() if name != edge}
        self._write(pins=pins if channel is None else {**pins, edge: channel})

    def _refuse(self, manifest: bundle.Manifest, size: int) -> None:
        if manifest.kind not in KINDS:
            raise UpdateError(
                f"This bundle is of kind {manifest.kind}, and a node hands on those of edges: {', '.join(KINDS)}.",
                reason="update_kind",
            )
        if self.catalogue.find(manifest.version, manifest.kind):
            raise UpdateError(
                f"Version {manifest.version} is there already.",
                reason="update_there",
                hint="A version never changes. To put another file in its place, remove it first.",
            )
        if len(self.catalogue.bundles) >= MAX_BUNDLES:
            raise UpdateError(
                f"There are {MAX_BUNDLES} bundles, which is as many as a node keeps.",
                reason="updates_full",
                hint="Remove old ones: `guardian node update list`.",
            )
        if shutil.disk_usage(self._folder).free < size + SPARE:
            raise _no_room(size)

    def _copy(
        self,
        source: BufferedReader,
        manifest: bundle.Manifest,
        size: int,
        keys: list[bytes],
        tell: Callable[[float], None],
    ) -> str:
        """Copy, then verify the copy, which nobody else can change; its SHA-256 in hex."""
        name = file_name(manifest.version, manifest.kind)
        aside, digest, done = self._folder / f".{name}.new", hashlib.sha256(), 0
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(aside, flags, 0o600), "w+b") as target:
                # No more is copied than room was found for; whether that was all, the copy's verdict says.
                while done <= size and (block := source.read(bundle.BLOCK)):
                    target.write(block)
                    digest.update(block)
                    done += len(block)
                    tell(min(1.0, done / size) / 2)
                target.seek(0)
                bundle.verify(target, keys, lambda part: tell(0.5 + part / 2))
                self._give(target)
            aside.rename(self._folder / name)
            sync_directory(self._folder)
        except OSError as error:
            raise _unwritable(error) from error
        finally:
            aside.unlink(missing_ok=True)
        return digest.hexdigest()

    def _give(self, file: BinaryIO) -> None:
        """To the folder's owner and group, which is the gateway's: it reads."""
        there = self._folder.stat()
        os.fchown(file.fileno(), there.st_uid, there.st_gid)
        os.fchmod(file.fileno(), 0o640)
        os.fsync(file.fileno())

    def _find(self, version: str, kind: str | None) -> Bundle:
        found = self.catalogue.find(version, kind)
        if not found:
            raise UpdateError(
                f"This node has no version {version[:40]}.",
                reason="update_unknown",
                hint="`guardian node update list` shows those it has.",
            )
        if len(found) > 1:
            raise UpdateError(
                f"This node has version {version} of several kinds.",
                reason="update_ambiguous",
                hint=f"Say which: --kind {' or '.join(item.kind for item in found)}.",
            )
        return found[0]

    def _replace(self, before: Bundle, **changes: object) -> Bundle:
        after = Bundle.model_validate({**before.model_dump(), **changes})
        self._write(bundles=tuple(after if item == before else item for item in self.catalogue.bundles))
        return after

    def _write(self, **changes: object) -> None:
        self.catalogue = Catalogue.model_validate({**self.catalogue.model_dump(), **changes})
        data = self.catalogue.model_dump_json(indent=1).encode()
        there = self._folder.stat()
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with replacing(folder, _CATALOGUE, mode=0o640, owner=(there.st_uid, there.st_gid)) as file:
                file.write(data)
        except OSError as error:
            raise _unwritable(error) from error
        finally:
            os.close(folder)

    def tidy(self) -> None:
        """Take away what a command that died half way left."""
        kept = {_CATALOGUE, _LOCK, *(file_name(item.version, item.kind) for item in self.catalogue.bundles)}
        for path in self._folder.iterdir():
            if path.name not in kept:
                path.unlink()


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[Writer]:
    """The folder's writer, alone while the block lasts; UpdateError when somebody else is at it, or may be alone."""
    try:
        private_folder(folder, mode=0o750)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UpdateError(
            f"{folder} cannot be written: {error.strerror}.", reason="updates_unwritable", hint="Be root."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UpdateError(
            "Another command is changing this node's bundles.", reason="updates_busy", hint="Wait for its end."
        ) from None
    else:
        writer = Writer(folder)
        writer.tidy()
        yield writer
    finally:
        os.close(lock)


@contextlib.contextmanager
def _plain(path: Path) -> Iterator[BufferedReader]:
    try:
        file = open_plain(path, follow=True)
    except OSError as error:
        raise UpdateError(f"{path} cannot be read: {error.strerror}.", reason="update_unreadable") from error
    with file:
        yield file


def file_name(version: str, kind: str) -> str:
    """What a bundle is called there."""
    return f"{version}.update" if kind == "edge" else f"{version}-{kind}.update"


def _unwritable(error: OSError) -> UpdateError:
    return UpdateError(
        f"The folder of bundles cannot be written: {error.strerror}.",
        reason="updates_unwritable",
        hint="Make room: `guardian node update list` shows what is there.",
    )


def _no_room(size: int) -> UpdateError:
    return UpdateError(
        f"There is no room for a bundle of {size / 1e6:.0f} MB and {SPARE / 1e9:.0f} GB beside it.",
        reason="updates_disk_full",
        hint="Remove old bundles: `guardian node update list`.",
    )


def _damaged(item: Bundle, why: str) -> StoreError:
    return StoreError(
        f"The bundle of version {item.version} cannot be handed on: {why}.",
        reason="updates_damaged",
        hint="Remove it and add it again: `guardian node update`.",
    )
