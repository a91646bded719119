"""Is the detector's model here and whole?"""

import importlib
from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, bad, doubtful, good
from guardian.common import config
from guardian.common.errors import GuardianError


def check(subject: Subject) -> Iterator[Finding]:
    """The configured model, by its hash; an edge without one makes motion events."""
    if subject.place.tier != "edge" or subject.place.config is None:
        return
    try:
        settings = config.load(importlib.import_module("guardian.edge.config").EdgeConfig, subject.place.config)
        library = importlib.import_module("guardian.edge.models.library").Library(settings.model_dir)
        known = importlib.import_module("guardian.edge.models.catalogue").catalogue()
    except (GuardianError, ModuleNotFoundError):
        # The check of the configuration says so.
        return
    own = settings.model.path
    if own is not None:
        if own.is_file():
            yield good("model", f"The detector's model is a file of your own, {own}.")
        else:
            yield bad("model_missing", f"There is no model file {own}.", "Mend model.path, or leave it out.")
        return
    name = settings.model.name or known.default.name
    try:
        _, path = library.require(name)
        yield good("model", f"The model {name} is whole ({path}).")
    except GuardianError as error:
        without = "Until then the edge makes events of motion only."
        yield doubtful("model_missing", f"{error.sentence} {without}", error.hint)
