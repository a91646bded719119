"""Which disk the installer writes to: never the medium it came from, never one that may be somebody's stick."""

import errno
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
UNKNOWN = "data of no known kind"
# How much is looked at, in bytes, in how many places at either end and between: 64 MiB in all.
_LOOK, _ENDS, _BETWEEN = 1 << 20, 4, 56
# In this order: what is soldered or screwed in.
_INTERNAL = ("nvme", "virtio", "sata", "ata", "mmc", "scsi", "sas")


class DiskError(GuardianError):
    """There is no disk to install to, or not the one that was asked for."""


@dataclass(frozen=True)
class Disk:
    """One whole disk.

    Attributes:
        size: in bytes.
        holds: in words what is on it, '' when nothing.
        fault: in words why it cannot be read, '' when it can.
    """

    path: str
    size: int
    bus: str
    model: str
    removable: bool
    read_only: bool
    holds: str
    is_medium: bool
    fault: str = ""

    @property
    def said(self) -> str:
        """A line for a person."""
        return f"{self.path}  {self.size / 1e9:.1f} GB  {self.bus or '?'}  {self.model or 'no name'}".rstrip()


def read(medium: str) -> list[Disk]:
    """All disks of this machine; `medium` is the device that the installer runs from, a disk or a partition of one."""
    return [_looked_at(disk) for disk in parse(told(), medium, soldered())]


def _looked_at(disk: Disk) -> Disk:
    """With what its own bytes say of it: what no program knows is somebody's too."""
    if why_not(disk):
        return disk
    try:
        written = is_written(Path(disk.path))
    except OSError as error:
        return replace(disk, fault=error.strerror or str(error))
    return replace(disk, holds=disk.holds or (UNKNOWN if written else ""))


def is_written(device: Path) -> bool:
    """Whether there is anything but zeros, or the ones of flash that was erased, at its ends and in places between."""
    with device.open("rb") as file:
        # Without it the kernel reads on behind each place.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        end = file.seek(0, os.SEEK_END)
        ends = [place for number in range(_ENDS) for place in (number * _LOOK, end - (number + 1) * _LOOK)]
        between = [end // _LOOK * number // (_BETWEEN + 1) * _LOOK for number in range(1, _BETWEEN + 1)]
        for place in sorted({max(min(place, end - _LOOK), 0) for place in (*ends, *between)}):
            file.seek(place)
            block = file.read(_LOOK)
            if len(block) < min(_LOOK, end):
                raise OSError(errno.EIO, "it ends before its size")
            if block.lstrip(b"\0") and block.lstrip(b"\xff"):
                return True
    return False


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


def choose(disks: Sequence[Disk]) -> Disk:
    """The disk to install to: the first by bus, then the largest.

    Raises DiskError, with what was found, when none may be written to.
    """
    fit = [disk for disk in disks if why_not(disk) == ""]
    if not fit:
        reasons = [f"{disk.said}: {why_not(disk)}" for disk in disks]
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
    return f"it cannot be read: {disk.fault}" if disk.fault else ""


def _content(item: Any) -> str:
    """What a person would lose."""
    if item.get("fstype"):
        return f"a file system ({item['fstype']})"
    parts = item.get("children") or []
    if parts:
        return f"{len(parts)} partition{'s' if len(parts) > 1 else ''}"
    return f"an empty {item['pttype']} table" if item.get("pttype") else ""
