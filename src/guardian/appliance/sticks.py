"""Which stick somebody may want files on: one that is plugged in by USB, and neither our disk nor our medium."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from guardian.appliance import layout

_KINDS = ("vfat", "exfat")
# What firmware starts from: there is little room in it, and it is nobody's place for files.
_FIRMWARE = layout.BOOT.type.lower()


@dataclass(frozen=True)
class Stick:
    """A FAT or exFAT file system on a stick; `size` in bytes."""

    device: str
    kind: str
    label: str
    model: str
    size: int

    @property
    def said(self) -> str:
        """A line for a person."""
        return f"{self.label or 'no name'}  {self.size / 1e9:.1f} GB  {self.kind}  {self.model or 'a stick'}"


def find(told: Any, ours: Collection[str]) -> list[Stick]:
    """All of them.

    Args:
        told: what `lsblk --json` says.
        ours: disks that are no stick whatever they look like: our own, and the medium this system runs from.
    """
    found = []
    for disk in told["blockdevices"]:
        if disk["type"] != "disk" or disk.get("tran") != "usb" or disk["ro"] or disk["path"] in ours:
            continue
        places = [disk, *(disk.get("children") or [])]
        if any(any(place.get("mountpoints") or []) for place in places):
            continue
        model = " ".join(str(disk.get("model") or "").split())
        found += [
            Stick(
                device=str(place["path"]),
                kind=str(place["fstype"]),
                label=str(place.get("label") or ""),
                model=model,
                size=int(place["size"] or 0),
            )
            for place in places
            if place.get("fstype") in _KINDS
            and str(place.get("parttype") or "").lower() != _FIRMWARE
            and not (place is disk and disk.get("children"))
        ]
    return found
