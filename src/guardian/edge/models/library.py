"""Models on the disk: where they are looked for, how one is fetched and how it is verified."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from guardian.common.files import private_folder, write_atomic
from guardian.edge.models.catalogue import Catalogue, Entry, ModelError, catalogue

Progress = Callable[[int, int], None]
Condition = Literal["good", "damaged", "missing"]
ENVIRONMENT = "GUARDIAN_MODEL_PATH"
FOLDER_MODE = 0o755


@dataclass(frozen=True)
class Found:
    """An entry of the catalogue as it is on this machine."""

    entry: Entry
    condition: Condition
    path: Path | None
    sha256: str = ""


def search_path(model_dir: Path, environ: Mapping[str, str] | None = None) -> list[Path]:
    """Folders, first looked into first: the edge's own, those the environment names, a checkout's neighbour."""
    named = (os.environ if environ is None else environ).get(ENVIRONMENT, "")
    folders = [model_dir, *(Path(part) for part in named.split(os.pathsep) if part)]
    checkout = Path(__file__).resolve().parents[4]
    if (checkout / "pyproject.toml").is_file():
        folders.append(checkout.parent / "shared" / "models")
    return folders


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Library:
    """The models of one machine."""

    def __init__(
        self, model_dir: Path, *, known: Catalogue | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        self._model_dir = model_dir
        self._known = known or catalogue()
        self._folders = search_path(model_dir, environ)

    def list_models(self) -> list[Found]:
        """Every entry of the catalogue, and whether it is here."""
        return [self._look(entry) for entry in self._known.models]

    def verify(self, name: str) -> Found:
        """Hash the model's file and compare; never raises for a damaged or missing one."""
        return self._look(self._known.entry(name))

    def require(self, name: str) -> tuple[Entry, Path]:
        """The model and its verified file; ModelError when it is missing or damaged."""
        found = self.verify(name)
        if found.path is None:
            raise ModelError(
                f"The detector model {name} is not on this machine.",
                reason="model_missing",
                hint=f"Run: guardian model fetch {name}",
            )
        if found.condition == "damaged":
            raise ModelError(
                f"The detector model {found.path} is damaged: its SHA-256 is not the catalogue's.",
                reason="model_hash",
                hint=f"Run: guardian model fetch {name}",
            )
        return found.entry, found.path

    def fetch(self, name: str, progress: Progress | None = None) -> Found:
        """Download the model into the edge's own folder, unless it is already here and good.

        Args:
            progress: called with bytes so far and bytes in all.
        """
        found = self.verify(name)
        if found.condition == "good":
            return found
        entry = found.entry
        data = _download(self._known.url(entry), entry, progress or (lambda _done, _all: None))
        private_folder(self._model_dir, mode=FOLDER_MODE)
        write_atomic(self._model_dir / entry.file, data, mode=0o644)
        return self.verify(name)

    def _look(self, entry: Entry) -> Found:
        worst: Found | None = None
        for folder in self._folders:
            path = folder / entry.file
            if not path.is_file():
                continue
            actual = file_hash(path)
            if actual == entry.sha256:
                return Found(entry, "good", path, actual)
            worst = worst or Found(entry, "damaged", path, actual)
        return worst or Found(entry, "missing", None)


def _download(url: str, entry: Entry, progress: Progress) -> bytes:
    host = httpx.URL(url).host
    digest, chunks, done = hashlib.sha256(), [], 0
    try:
        with httpx.stream("GET", url, timeout=30, follow_redirects=False) as response:
            if response.status_code != httpx.codes.OK:
                raise ModelError(
                    f"{host} answered {response.status_code} when asked for the model {entry.name}.",
                    reason="fetch_refused",
                    hint=_by_hand(entry),
                )
            for chunk in response.iter_bytes():
                done += len(chunk)
                if done > entry.size:
                    break
                digest.update(chunk)
                chunks.append(chunk)
                progress(done, entry.size)
    except httpx.HTTPError as error:
        raise ModelError(
            f"The model {entry.name} could not be fetched from {host}: {str(error) or type(error).__name__}.",
            reason="fetch_unreachable",
            hint=_by_hand(entry),
        ) from error
    if digest.hexdigest() != entry.sha256:
        raise ModelError(
            f"What {host} sent is not the model {entry.name}: its SHA-256 differs from the catalogue's.",
            reason="model_hash",
            hint="Nothing was kept. Try again later, or report it: the file at the source was replaced.",
        )
    return b"".join(chunks)


def _by_hand(entry: Entry) -> str:
    source = entry.source
    return (
        f"Check the connection, or bring the file by hand: {source.repository} at {source.commit[:12]}, {source.path}, "
        f"saved as {entry.file} in the model folder."
    )
