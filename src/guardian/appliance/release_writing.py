"""A release out of a bundle, installed beside the others by its own installer; what is in force is not touched.

`release.tar` holds what `make release` built for one tier, `models.tar` detector models: plain files alone. Both are
copied to where nobody else writes and held to their hashes there, before anything in them is read.
"""

import json
import os
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from guardian.appliance.host import ApplyError
from guardian.appliance.screen import Tell
from guardian.common import bundle
from guardian.common.bundle import BundleError, Manifest, Part
from guardian.common.files import private_folder, sync_directory

RELEASE, MODELS = "release.tar", "models.tar"
# What a release brings for hosts: how it is installed, and how its units are.
INSTALLER, UNITS = "host/guardian_release.py", "host/guardian_units.py"
_MODELS = Path("/var/lib/guardian/models")
_NAME = re.compile(r"(?!.*(^|/)\.\.?(/|$))[A-Za-z0-9_.@+-]+(/[A-Za-z0-9_.@+-]+)*")
_SECONDS = 1200
_MAX_FILES = 4096
_KEPT = 3


@dataclass(frozen=True)
class Target:
    """Where releases lie, whose they are, and where detector models lie."""

    root: Path
    tier: str
    models: Path = _MODELS

    @property
    def python(self) -> str:
        """The Python that the release in force was made with: the host's own, not a venv's."""
        return str((self.root / "current/bin/python").resolve())


def write(target: Target, file: BinaryIO, manifest: Manifest, tell: Tell) -> None:
    """`file` is where the bundle's parts begin. Raises BundleError or ApplyError."""
    fetched = target.root / "fetched"
    # What a run left that was cut off.
    shutil.rmtree(fetched, ignore_errors=True)
    private_folder(fetched)
    try:
        for part in manifest.parts:
            _copy(file, part, fetched / part.name, tell)
        if file.read(1):
            raise BundleError("The update is longer than it says.", reason="bundle_damaged", hint="Fetch it again.")
        for part in manifest.parts:
            unpack(fetched / part.name, fetched / part.name.removesuffix(".tar"))
        release = fetched / "release"
        _check(release, manifest)
        tell("Installing the release", 0)
        install(target, release)
        if (fetched / "models").is_dir():
            _lay_models(fetched / "models", target.models)
        tell("Installing the release", 1)
    finally:
        shutil.rmtree(fetched, ignore_errors=True)


def install(target: Target, release: Path) -> None:
    """As role python_release does it: a venv of its own, from hashed wheels alone, that passes its own check."""
    _run(target, release / INSTALLER, "stage", str(release), "--tier", target.tier)


def prune(target: Target) -> None:
    """Take the oldest away; the one in force and the one before stay."""
    _run(target, target.root / "current" / INSTALLER, "prune", "--keep", str(_KEPT))


def put_in_force(target: Target, version: str, previous: str) -> None:
    """Turn the links, `previous` first where one is named."""
    words = ["--previous", previous] if previous else []
    _run(target, target.root / "releases" / version / INSTALLER, "use", version, *words)


def _run(target: Target, script: Path, *words: str) -> None:
    command = [target.python, "-I", str(script), "--root", str(target.root), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(type(error).__name__) from error
    if done.returncode:
        raise _failed((done.stderr.strip().splitlines() or [str(done.returncode)])[-1])


def _copy(file: BinaryIO, part: Part, path: Path, tell: Tell) -> None:
    done = 0
    with path.open("xb") as copy:
        for block in bundle.blocks(file, part):
            copy.write(block)
            done += len(block)
            tell(f"Copying {part.name}", done / part.size)


def unpack(archive: Path, folder: Path) -> None:
    """Plain files below `folder`, which is made; BundleError for anything else in it."""
    folder.mkdir()
    try:
        with tarfile.open(archive, "r:") as opened:
            for count, entry in enumerate(opened):
                content = opened.extractfile(entry) if entry.isreg() and count < _MAX_FILES else None
                if content is None or _NAME.fullmatch(entry.name) is None:
                    raise _odd()
                path = folder / entry.name
                path.parent.mkdir(parents=True, exist_ok=True)
                with content, path.open("xb") as copy:
                    shutil.copyfileobj(content, copy, bundle.BLOCK)
    except (tarfile.TarError, FileExistsError, NotADirectoryError, IsADirectoryError, ValueError, EOFError) as error:
        raise _odd() from error


def _check(release: Path, manifest: Manifest) -> None:
    """A release of that very version, that knows how it is installed."""
    try:
        version = json.loads((release / "release.json").read_bytes()[: bundle.BLOCK])["version"]
    except (OSError, ValueError, TypeError, KeyError):
        version = None
    if version != manifest.version or not all((release / name).is_file() for name in (INSTALLER, UNITS)):
        raise _odd()


def _lay_models(source: Path, models: Path) -> None:
    """Those that are not there yet: what an edge has, it keeps, so that going back finds its own."""
    for path in sorted(source.iterdir()):
        if path.is_file() and not (models / path.name).exists():
            aside = models / f".{path.name}.new"
            aside.unlink(missing_ok=True)
            with path.open("rb") as file, aside.open("wb") as copy:
                shutil.copyfileobj(file, copy, bundle.BLOCK)
                # Under its own name it is never looked at again: whole before it has it.
                copy.flush()
                os.fsync(copy.fileno())
            aside.chmod(0o644)
            aside.replace(models / path.name)
    sync_directory(models)


def _odd() -> BundleError:
    return BundleError("What the update holds is no release.", reason="bundle_malformed", hint="Make it anew.")


def _failed(why: str) -> ApplyError:
    return ApplyError(
        f"The release could not be put there: {why[:1000]}",
        reason="release_refused",
        hint="What is in force was not touched. Make room, or take another release.",
    )
