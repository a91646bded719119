"""Which disk of this machine is one of ours, and where its partitions are, wherever this system was started from."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardian.appliance import disks, layout
from guardian.appliance.layout import Partition
from guardian.common.errors import GuardianError

SYSTEM = Path("/run/image/system")
MEDIUM = Path("/run/image/medium-device")


class OursError(GuardianError):
    """There is no disk of ours, or a partition of it is missing."""


@dataclass(frozen=True)
class Ours:
    """One disk of ours; `parts` has the devices of those partitions it still has, by their names."""

    path: str
    said: str
    parts: Mapping[str, str]

    def device(self, part: Partition) -> str:
        """A partition's device; OursError where it is gone."""
        if part.name not in self.parts:
            raise OursError(
                f"{self.path} has no partition {part.name} any more.",
                reason="partition_missing",
                hint="Install this machine anew; what it recorded is lost unless somebody mends the table.",
            )
        return self.parts[part.name]


def started_from() -> str:
    """The device that this system runs from: the medium, or a slot of the disk."""
    if MEDIUM.exists():
        return MEDIUM.read_text(encoding="utf-8").strip()
    command = ["findmnt", "--noheadings", "--output=SOURCE", "--mountpoint", str(SYSTEM)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=30)
    return done.stdout.strip()


def find(told: Any, device: str) -> list[Ours]:
    """Disks of ours: the one this system runs from alone, if it is one; from a medium, those that are built in.

    Args:
        told: what `lsblk --json` says.
        device: what this system runs from.
    """
    found, own = [], []
    for item in told["blockdevices"]:
        parts = _parts(item)
        # The installer's medium has a seed of its own, and nothing else of a disk's.
        if item["type"] != "disk" or not parts.keys() - {layout.SEED.name}:
            continue
        disk = Ours(str(item["path"]), _said(item), parts)
        if any(part["path"] == device for part in [item, *(item.get("children") or [])]):
            own.append(disk)
        elif item.get("tran") != "usb" and not item["rm"]:
            found.append(disk)
    return own or found


def _parts(item: Any) -> dict[str, str]:
    """By name and type: a name alone may be anybody's."""
    wanted = {(part.name, part.type.lower()) for part in layout.ALL}
    return {
        str(child["partlabel"]): str(child["path"])
        for child in item.get("children") or []
        if (child.get("partlabel"), str(child.get("parttype") or "").lower()) in wanted
    }


def _said(item: Any) -> str:
    [disk] = disks.parse({"blockdevices": [item]}, "")
    return disk.said
