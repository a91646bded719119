"""Is the configuration one its daemons would take?"""

import importlib
from collections.abc import Iterator
from pathlib import Path

from guardian.cli.doctor.finding import Finding, Subject
from guardian.common import config
from guardian.common.errors import GuardianError

_MODELS = {
    "edge": ("guardian.edge.config", "EdgeConfig"),
    "node": ("guardian.node.config", "NodeConfig"),
    "control": ("guardian.control.config", "Settings"),
}


def check(subject: Subject) -> Iterator[Finding]:
    """The tier's file, and each camera's."""
    path = subject.place.config
    if path is None or subject.place.tier not in _MODELS:
        return
    module, name = _MODELS[subject.place.tier]
    try:
        settings = config.load(getattr(importlib.import_module(module), name), path)
    except ModuleNotFoundError as error:
        fix = f"pip install 'guardian[{subject.place.tier}]'"
        yield Finding("config", "bad", f"{path} is for a tier that is not installed here ({error.name}).", fix)
        return
    except GuardianError as error:
        yield Finding(
            "config", "bad", error.sentence, error.hint or "Mend that line; a running daemon keeps the old one."
        )
        return
    yield Finding("config", "good", f"{path} is valid.")
    if subject.place.tier == "edge":
        yield from _cameras(settings, path)


def _cameras(settings: object, path: Path) -> Iterator[Finding]:
    edge = importlib.import_module("guardian.edge.config")
    cameras = edge.list_cameras(settings)
    if not cameras:
        fix = "Write one ID.yaml for each camera, with its name and path."
        yield Finding("config", "doubtful", f"There is no camera in {edge_folder(settings)}.", fix)
    for camera in cameras:
        try:
            edge.load_camera(settings, camera)
        except GuardianError as error:
            yield Finding("config", "bad", error.sentence, error.hint or "Mend that line.")


def edge_folder(settings: object) -> str:
    """Where the edge looks for cameras."""
    return str(getattr(settings, "cameras_dir", ""))
