"""Where a verb looks: the configurations and run directories named, else this host's, else a demo's in this folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from guardian.common import config
from guardian.common.errors import ConfigError

TIERS = ("edge", "node", "control")
SYSTEM = Path("/etc/guardian")
DEMO = Path(".demo")
RUN_DIR = Path("/run/guardian")
STATE_DIR = Path("/var/lib/guardian")


@dataclass(frozen=True)
class Place:
    """One run directory, and what is known of the tier that uses it."""

    run_dir: Path
    state_dir: Path | None = None
    config: Path | None = None
    fault: str = ""

    @property
    def tier(self) -> str:
        """edge, node or control by the configuration's name; '' when only sockets are known."""
        stem = self.config.stem if self.config else ""
        return stem if stem in TIERS else ""


def find_places(run_dirs: Iterable[Path] = (), configs: Iterable[Path] = ()) -> list[Place]:
    """What was asked for, or what this host has; a run directory named twice is looked at once."""
    named, files = list(run_dirs), list(configs)
    if not named and not files:
        files = _default_configs()
        named = [] if files else [RUN_DIR]
    places = [read_place(path) for path in files]
    known = {place.run_dir.resolve() for place in places}
    places += [Place(run_dir) for run_dir in named if run_dir.resolve() not in known]
    return places


def _default_configs() -> list[Path]:
    for folder in (SYSTEM, DEMO):
        found = [folder / f"{tier}.yaml" for tier in TIERS if (folder / f"{tier}.yaml").is_file()]
        if found:
            return found
    return []


def read_place(path: Path) -> Place:
    """Only the two folders: what else is in it is for the tier's own model to judge."""
    try:
        raw = config.read_yaml(path)
        return Place(Path(str(raw.get("run_dir", RUN_DIR))), Path(str(raw.get("state_dir", STATE_DIR))), path)
    except ConfigError as error:
        return Place(RUN_DIR, None, path, fault=str(error))
