"""The tier's configuration as its daemons read it, for checks that need more of it than two folders."""

import importlib
from typing import Any

from guardian.cli.doctor.finding import Subject
from guardian.common import config
from guardian.common.errors import GuardianError

MODELS = {
    "edge": ("guardian.edge.config", "EdgeConfig"),
    "node": ("guardian.node.config", "NodeConfig"),
    "control": ("guardian.control.config", "Settings"),
}


def settings_of(subject: Subject) -> Any:
    """None when it cannot be used: the check of the configuration says so."""
    if subject.place.config is None or subject.place.tier not in MODELS:
        return None
    module, name = MODELS[subject.place.tier]
    try:
        return config.load(getattr(importlib.import_module(module), name), subject.place.config)
    except (GuardianError, ModuleNotFoundError):
        return None
