"""Which disk the installer writes to: never the medium it came from, never one that may be somebody's stick."""

import contextlib
import json
import os
import subprocess
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from guardian.appliance.layout import SMALLEST
from guardian.common.errors import GuardianError

_COLUMNS = "NAME,PATH,TYPE,SIZE,RM,RO,HOTPLUG,TRAN,MODEL,FSTYPE,PTTYPE,MOUNTPOINTS,LABEL,PARTLABEL,PARTTYPE"
SYSFS = Path("/sys/class/block")
# What is said of a disk that is not empty, and on which lsblk knows nothing.
UNKNOWN = "data that is not known here"
_LOOKS, _LOOK = 256, 1 << 20
# In this order: what is soldered or screwed in.
_INTERNAL = ("nvme", "virtio", "sata", "ata", "mmc", "scsi", "sas")


class DiskError(GuardianError):
    """There is no disk to install to, or not the one that was asked for."""


@dataclass(frozen=True)
class Disk:
    """One whole disk; `size` in bytes; `holds` tells in words what is on it, '' when nothing."""

    path: str
    size: int
    bus: str
    model: str
    removable: bool
    read_only: bool
    holds: str
    is_medium: bool

    @property
    def said(self) -> str:
        """A line for a person."""
        return f"{self.path}  {self.size / 1e9:.1f} GB  {self.bus or '?'}  {self.model or 'no name'}".rstrip()


def read(medium: str) -> list[Disk]:
    """All disks of this machine; `medium` is the device that the installer runs from, a disk or a partition of one."""
    return [
        replace(disk, holds=UNKNOWN) if not (disk.holds or why_not(disk)) and is_written(Path(disk.path)) else disk
        for disk in parse(told(), medium, soldered())
    ]


def is_written(device: Path) -> bool:
    """Whether anything but zeros lies at its ends or in places between: what no program knows is somebody's too.

    So is what cannot be read.
    """
    with contextlib.suppress(OSError), device.open("rb", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        for place in sorted({*range(0, end, max(end // _LOOKS, _LOOK)), max(end - _LOOK, 0)}):
            file.seek(place)
            if file.read(_LOOK).lstrip(b"\0"):
                return True
        return False
    return True


def told() -> Any:
    """What `lsblk --json` says of this machine."""
    command = ["lsblk", "--json", "--bytes", "--output", _COLUMNS]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=30).stdout)


def whole(device: str) -> str:
    """The disk that a device is a partition of, or is itself."""
    name = Path(device).resolve().name
    about = Path(f"/sys/class/block/{name}")
    return f"/dev/{about.resolve().parent.name if (about / 'partition').exists() else name}"


def soldered(sysfs: Path = SYSFS) -> frozenset[str]:
    """Devices of eMMC, which lsblk takes for cards that can be pulled out: their own kind is MMC, a card's is SD."""
    kinds = {path.parent.parent.name: path.read_text("ascii").strip() for path in sysfs.glob("mmcblk*/device/type")}
    return frozenset(f"/dev/{name}" for name, kind in kinds.items() if kind == "MMC")


def parse(told: Any, medium: str, emmc: AbstractSet[str] = frozenset()) -> list[Disk]:
    """From what `lsblk --json` says; `emmc` are the devices that only seem to be removable."""
    found = []
    for item in told["blockdevices"]:
        if item["type"] != "disk" or item["path"].startswith(("/dev/zram", "/dev/fd", "/dev/ram", "/dev/nbd")):
            continue
        whole = [item, *item.get("children", [])]
        bus = item.get("tran") or ("mmc" if item["path"].startswith("/dev/mmcblk") else "")
        if not bus and item["path"].startswith("/dev/vd"):
            bus = "virtio"
        found.append(
            Disk(
                path=item["path"],
                size=int(item["size"] or 0),
                bus=bus,
                model=" ".join(str(item.get("model") or "").split()),
                removable=bool(item["rm"]) or bool(item["hotplug"] and item["path"] not in emmc) or bus == "usb",
                read_only=bool(item["ro"]),
                holds=_content(item),
                is_medium=any(part["path"] == medium or any(part.get("mountpoints") or []) for part in whole),
            )
        )
    return found


def choose(disks: Sequence[Disk], wanted: str = "") -> Disk:
    """The disk to install to: the one that is `wanted`, else the first by bus, then the largest.

    Raises DiskError, with what was found, when none may be written to.
    """
    fit = [disk for disk in disks if why_not(disk) == ""]
    if wanted:
        fit = [disk for disk in fit if disk.path == wanted]
    if not fit:
        reasons = [f"{disk.said}: {why_not(disk) or 'not the one that was asked for'}" for disk in disks]
        small = any(why_not(disk).startswith("too small") for disk in disks)
        raise DiskError(
            "There is no disk to install to. " + ("Found: " + "; ".join(reasons) if reasons else "No disk was found."),
            reason="disk_too_small" if small else "disk_missing",
            hint=f"Put in an internal disk of {SMALLEST / 1e9:.0f} GB or more and start anew.",
        )
    return min(fit, key=lambda disk: (_INTERNAL.index(disk.bus), -disk.size, disk.path))


def why_not(disk: Disk) -> str:
    """Why a disk is not written to; '' for one that may be."""
    if disk.is_medium:
        return "the installer runs from it"
    if disk.removable:
        return "removable"
    if disk.read_only:
        return "read-only"
    if disk.bus not in _INTERNAL:
        return f"on a bus that is not known as internal ({disk.bus or 'none'})"
    if disk.size < SMALLEST:
        return f"too small: {SMALLEST / 1e9:.1f} GB are needed"
    return ""


def _content(item: Any) -> str:
    """What a person would lose."""
    if item.get("fstype"):
        return f"a file system ({item['fstype']})"
    parts = item.get("children") or []
    if parts:
        return f"{len(parts)} partition{'s' if len(parts) > 1 else ''}"
    return f"an empty {item['pttype']} table" if item.get("pttype") else ""
