"""Is the configuration one its daemons would take?"""

import importlib
from collections.abc import Iterator
from pathlib import Path

from guardian.cli.doctor.finding import Finding, Subject, bad, doubtful, good, unseen
from guardian.cli.doctor.settings import MODELS
from guardian.common import config
from guardian.common.errors import GuardianError


def check(subject: Subject) -> Iterator[Finding]:
    """The tier's file, and each camera's."""
    path = subject.place.config
    if path is None or subject.place.tier not in MODELS:
        return
    module, name = MODELS[subject.place.tier]
    try:
        settings = config.load(getattr(importlib.import_module(module), name), path)
    except ModuleNotFoundError as error:
        fix = f"pip install 'guardian[{subject.place.tier}]'"
        yield bad("config_tier_absent", f"{path} is for a tier that is not installed here ({error.name}).", fix)
        return
    except GuardianError as error:
        yield _refused(error)
        return
    yield good("config", f"{path} is valid.")
    if subject.place.tier == "edge":
        yield from _cameras(settings, path)


def _cameras(settings: object, path: Path) -> Iterator[Finding]:
    edge = importlib.import_module("guardian.edge.config")
    cameras = edge.list_cameras(settings)
    if not cameras:
        yield doubtful("config_no_camera", f"There is no camera in {edge_folder(settings)}.")
    for camera in cameras:
        try:
            edge.load_camera(settings, camera)
        except GuardianError as error:
            yield _refused(error)


def _refused(error: GuardianError) -> Finding:
    if isinstance(error.__cause__, PermissionError):
        return unseen("config", error.sentence)
    return bad("config_bad", error.sentence, error.hint)


def edge_folder(settings: object) -> str:
    """Where the edge looks for cameras."""
    return str(getattr(settings, "cameras_dir", ""))
