"""What systemd is to be told: pure, from what is wanted, what runs, and what each daemon was last told to read."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Ids of cameras, each in one list at most."""

    start: tuple[str, ...]
    stop: tuple[str, ...]
    restart: tuple[str, ...]
    reload: tuple[str, ...]

    @property
    def text(self) -> str:
        """For a person: `starts front; stops yard`."""
        said = [
            f"{verb} {', '.join(ids)}"
            for verb, ids in (
                ("starts", self.start),
                ("stops", self.stop),
                ("restarts", self.restart),
                ("reloads", self.reload),
            )
            if ids
        ]
        return "; ".join(said) or "changes nothing"


def plan(
    good: Mapping[str, str],
    bad: AbstractSet[str],
    loaded: AbstractSet[str],
    running: AbstractSet[str],
    told: Mapping[str, str],
    changed: AbstractSet[str],
) -> Plan:
    """The least that makes the daemons match the files.

    Args:
        good: hash of each camera's file.
        bad: ids whose file is there and not good: their daemons go on with what they have.
        loaded: ids whose unit systemd knows in any state but inactive: running, failed, waiting to be tried again.
        running: those that run.
        told: hashes as of the last time.
        changed: those whose unit is another one now: what runs of them has to begin again.
    """
    kept = good.keys() & running
    return Plan(
        start=tuple(sorted(good.keys() - running)),
        stop=tuple(sorted(loaded - good.keys() - bad)),
        restart=tuple(sorted(kept & changed)),
        reload=tuple(sorted(camera for camera in kept - changed if told.get(camera, good[camera]) != good[camera])),
    )
