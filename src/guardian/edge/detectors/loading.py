"""From a configuration to a detector that runs: the model's file is found, verified, compiled and tried out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from guardian.common import log
from guardian.edge.detectors.base import Detector
from guardian.edge.detectors.deimv2 import DeimV2
from guardian.edge.detectors.runtime import choose_device, core, read_graph
from guardian.edge.models.catalogue import ModelError, catalogue
from guardian.edge.models.library import Library

_log = log.get(__name__)
# One line a head: what makes a detector of a graph.
HEADS: dict[str, Callable[..., Detector]] = {"deimv2": DeimV2}


@dataclass(frozen=True)
class Wanted:
    """Which detector is wanted.

    `path`, when given, is any file of a known head and goes before `name`, which is of the catalogue.
    """

    model_dir: Path
    name: str = ""
    path: Path | None = None
    head: str = "deimv2"
    device: str = "auto"
    threads: int = 0
    floor: float = 0.1


def load(wanted: Wanted) -> Detector:
    """A detector that has already run once; ModelError otherwise. Takes seconds: never call it on an event loop."""
    device = choose_device(wanted.device, core().available_devices)
    if wanted.path is not None:
        if not wanted.path.is_file():
            raise ModelError(
                f"There is no detector model {wanted.path}.", reason="model_missing", hint="Correct model.path."
            )
        path, title, head, labels = wanted.path, wanted.path.stem, wanted.head, catalogue().default.labels
    else:
        entry, path = Library(wanted.model_dir).require(wanted.name or catalogue().default.name)
        title, head, labels = entry.name, entry.head, entry.labels
    make = HEADS.get(head)
    if make is None:
        raise ModelError(
            f"The model {title} needs the head {head}, which this release does not have.",
            reason="head_unknown",
            hint=f"Heads here: {', '.join(sorted(HEADS))}.",
        )
    return make(read_graph(path), model=title, labels=labels, device=device, threads=wanted.threads, floor=wanted.floor)
