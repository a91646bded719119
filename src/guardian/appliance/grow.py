"""`guardian-grow`: once, give the data partition what is left of the disk: a raw image knows no disk's size."""

import argparse
import fcntl
import os
import struct
import sys
from pathlib import Path

from guardian.appliance import layout, luks
from guardian.appliance.programs import run
from guardian.common import log
from guardian.common.errors import GuardianError

DATA = Path("/run/image/data")
# Less than this is not worth a change of the table.
_WORTH = 64 << 20
# Of Linux: how many blocks the file system is to have, 64 bits.
_EXT4_IOC_RESIZE_FS = 0x40086610


class GrowError(GuardianError):
    """The data partition could not be made larger; it is what it was."""


def left_over(disk_size: int, start: int, size: int) -> int:
    """Bytes behind the data partition that it could have; all in bytes."""
    return max(disk_size - layout.MIB - (start + size), 0)


def grow(mounted: Path = DATA) -> str:
    """Partition and file system, while it is in use; a sentence of what was done."""
    device = Path(run("findmnt", "--noheadings", "--output=SOURCE", "--mountpoint", str(mounted)))
    partition = luks.below(device)
    about = Path(f"/sys/class/block/{partition.name}").resolve()
    disk = Path("/dev") / about.parent.name
    number, start, size = (int((about / name).read_text()) for name in ("partition", "start", "size"))
    whole = int((about.parent / "size").read_text()) * layout.SECTOR
    if number != layout.DATA.number:
        raise GrowError(f"{partition} is not the data partition of our layout.", reason="disk_refused")
    left = left_over(whole, start * layout.SECTOR, size * layout.SECTOR)
    if left >= _WORTH:
        widen(disk, number)
        run("partx", "--update", f"--nr={number}", str(disk))
        if partition.name != device.resolve().name:
            luks.widen()
    # A start that was cut off may have left the file system behind its partition.
    fill(mounted, device)
    return (
        f"The data partition has {left / 1e9:.1f} GB more." if left >= _WORTH else "The data partition fills the disk."
    )


def fill(mounted: Path, device: Path) -> None:
    """Give the file system all of the device that it lies on.

    resize2fs does the same by whichever place of the file system is first in the list of mounts, and to this daemon all
    but `mounted` are read-only.
    """
    size = int(Path(f"/sys/class/block/{device.resolve().name}/size").read_text()) * layout.SECTOR
    folder = os.open(mounted, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(folder, _EXT4_IOC_RESIZE_FS, struct.pack("=Q", size // os.fstatvfs(folder).f_bsize))
    except OSError as error:
        raise GrowError(
            f"The data partition's file system did not grow: {error.strerror}.", reason="disk_refused"
        ) from error
    finally:
        os.close(folder)


def widen(disk: Path, number: int) -> None:
    """In the disk's table, give the last partition all that is behind it."""
    # The table's copy moves to the disk's end first: it lies where the partition is to be.
    run("sfdisk", "--quiet", "--no-reread", "--force", "--relocate", "gpt-bak-std", str(disk))
    run("sfdisk", "--quiet", "--no-reread", "--force", "--partno", str(number), str(disk), text=", +\n")


def main() -> None:
    """Console script."""
    argparse.ArgumentParser(prog="guardian-grow", description=__doc__).parse_args()
    log.setup("grow")
    try:
        print(grow())
    except GuardianError as error:
        sys.exit(f"guardian-grow: {error}")
