"""The disk: six partitions, the same on every machine but for the size of the last but one."""

from dataclasses import dataclass
from pathlib import Path, PurePath

from guardian.common import seed_region
from guardian.common.files import sync_directory

MIB = 1 << 20
SECTOR = 512
# What is not in a partition: the table before them, its copy behind them, rounded up.
AROUND = 2 * MIB
# Below this the data partition would hold no recordings worth the name.
SMALLEST_DATA = 512 * MIB


@dataclass(frozen=True)
class Partition:
    """`number` as in the table, from 1; `name` is its label there; `size` in bytes, 0: what is left of the disk."""

    number: int
    name: str
    type: str
    size: int


# Types as the specification of discoverable partitions has them; our own for what it has no name for.
BIOS = Partition(1, "guardian-bios", "21686148-6449-6E6F-744E-656564454649", 1 * MIB)
BOOT = Partition(2, "guardian-boot", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", 256 * MIB)
SLOTS = {
    "A": Partition(3, "guardian-a", "B1A1D1E6-3F5B-4B8F-9C0E-5B1F0D6A7C11", 1536 * MIB),
    "B": Partition(4, "guardian-b", "B1A1D1E6-3F5B-4B8F-9C0E-5B1F0D6A7C11", 1536 * MIB),
}
SEED = Partition(5, seed_region.PARTITION_NAME, str(seed_region.PARTITION_TYPE).upper(), seed_region.SIZE)
DATA = Partition(6, "guardian-data", "4D21B016-B534-45C2-A9FB-5C16E091FD2D", 0)
ALL = (BIOS, BOOT, *SLOTS.values(), SEED, DATA)
SMALLEST = sum(part.size for part in ALL) + SMALLEST_DATA + AROUND
# A system's files: what is written into a slot, and what lies in the slot's folder on the boot partition.
SYSTEM = "system.squashfs"
KERNEL = ("vmlinuz", "initrd.img")
# What a slot that holds a system begins with.
SQUASHFS = b"hsqs"
# The daemons' state on the data partition.
STATE = PurePath("system/var/lib/guardian")


def script(data_size: int = 0, disk_id: str = "") -> str:
    """What `sfdisk` is told: each partition's size, type and name.

    Args:
        data_size: of the data partition, in bytes; else all that is left.
        disk_id: the disk's own id, a UUID; else a new one.
    """
    lines = ["label: gpt", "first-lba: 2048", *([f"label-id: {disk_id}"] if disk_id else [])]
    for part in ALL:
        size = part.size or data_size
        words = [f"size={size >> 10}KiB"] if size else []
        lines.append(", ".join([*words, f"type={part.type}", f"name={part.name}"]))
    return "\n".join(lines) + "\n"


def device(disk: str, part: Partition) -> str:
    """A partition's device: `/dev/sda3`, `/dev/nvme0n1p3`."""
    return f"{disk}{'p' if disk[-1].isdigit() else ''}{part.number}"


def make_boot(device: str) -> tuple[str, ...]:
    """The command that makes the boot partition's file system, empty."""
    return ("mkfs.vfat", "-F", "32", "-n", "GDN-BOOT", device)


def make_data(device: str) -> tuple[str, ...]:
    """The command that makes the data partition's file system, empty."""
    return ("mkfs.ext4", "-q", "-F", "-L", DATA.name, "-m", "1", device)


def aside(name: str) -> str:
    """The name of a slot's kernel until all else of the slot was read back: without one a slot starts nothing."""
    return f"{name}.new"


def give_kernel(folder: Path) -> None:
    """Its kernel to a slot whose folder on the boot partition this is."""
    for name in reversed(KERNEL):
        (folder / aside(name)).replace(folder / name)
    sync_directory(folder)
