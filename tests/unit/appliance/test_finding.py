"""Which disk is ours, and which stick is somebody's: never one taken for the other."""

from typing import Any

import pytest
from tests.unit.appliance.test_disks import found

from guardian.appliance import layout, ours, sticks
from guardian.appliance.ours import OursError


def ours_at(path: str, **more: Any) -> dict[str, Any]:
    """A disk with our partitions, as `lsblk` tells of it."""
    children = [
        found(layout.device(path, part), type="part", tran=None, partlabel=part.name, parttype=part.type.lower())
        for part in layout.ALL
    ]
    return found(path, children=children) | more


def stick_at(path: str, **more: Any) -> dict[str, Any]:
    """A stick with one FAT."""
    child = found(f"{path}1", type="part", tran=None, fstype="vfat", label="HOLIDAY", parttype="0xc")
    return found(path, tran="usb", rm=True, hotplug=True, children=[child]) | more


MEDIUM = found(
    "/dev/sdz",
    tran="usb",
    rm=True,
    children=[
        found("/dev/sdz1", type="part", fstype="iso9660", mountpoints=["/run/image/medium"]),
        found("/dev/sdz2", type="part", fstype="vfat", parttype=layout.BOOT.type.lower()),
        found("/dev/sdz4", type="part", partlabel=layout.SEED.name, parttype=layout.SEED.type.lower()),
    ],
)


def disks(*told: dict[str, Any], device: str) -> list[str]:
    return [disk.path for disk in ours.find({"blockdevices": list(told)}, device)]


def devices(*told: dict[str, Any], of: tuple[str, ...] = ()) -> list[str]:
    return [stick.device for stick in sticks.find({"blockdevices": list(told)}, of)]


def test_from_the_disk_it_is_the_disk_that_was_started() -> None:
    """Whatever else is plugged in, and be it a stick that a raw image was written to."""
    both = (ours_at("/dev/nvme0n1"), ours_at("/dev/sda", tran="usb", rm=True))
    assert disks(*both, device="/dev/nvme0n1p3") == ["/dev/nvme0n1"]
    assert disks(*both, device="/dev/sda4") == ["/dev/sda"]


def test_from_a_medium_those_that_are_built_in() -> None:
    told = (MEDIUM, ours_at("/dev/nvme0n1"), ours_at("/dev/sda", tran="usb"), ours_at("/dev/mmcblk0", tran=None))
    assert disks(*told, found("/dev/sdb"), device="/dev/sdz1") == ["/dev/nvme0n1", "/dev/mmcblk0"]


def test_a_partition_is_ours_by_name_and_type() -> None:
    other = ours_at("/dev/sda")
    other["children"] = [child | {"parttype": "0fc63daf-8483-4772-8e79-3d69d8477de4"} for child in other["children"]]
    assert disks(other, device="/dev/sdz1") == []


def test_a_disk_that_lost_a_partition_is_still_ours() -> None:
    told = ours_at("/dev/nvme0n1")
    told["children"] = [child for child in told["children"] if child["partlabel"] != "guardian-data"]
    [disk] = ours.find({"blockdevices": [told]}, "/dev/nvme0n1p3")
    assert disk.device(layout.BOOT) == "/dev/nvme0n1p2"
    with pytest.raises(OursError) as caught:
        disk.device(layout.DATA)
    assert caught.value.reason == "partition_missing"


def test_a_stick_with_a_partition_and_one_without() -> None:
    whole = found("/dev/sdc", tran="usb", rm=True, fstype="exfat", children=[])
    assert devices(stick_at("/dev/sdb"), whole) == ["/dev/sdb1", "/dev/sdc"]


@pytest.mark.parametrize(
    "told",
    [
        stick_at("/dev/sdb", tran="sata", rm=False),
        stick_at("/dev/sdb", tran="nvme"),
        stick_at("/dev/mmcblk1", tran=None),
        stick_at("/dev/sdb", ro=True),
        stick_at("/dev/sdb", children=[found("/dev/sdb1", fstype="vfat", mountpoints=["/mnt"])]),
        stick_at("/dev/sdb", children=[found("/dev/sdb1", fstype="ext4")]),
        stick_at("/dev/sdb", children=[found("/dev/sdb1", fstype="vfat", parttype=layout.BOOT.type.lower())]),
        MEDIUM,
    ],
    ids=["internal", "nvme", "card", "read-only", "in use", "another file system", "firmware's", "our medium"],
)
def test_what_is_no_stick(told: dict[str, Any]) -> None:
    assert devices(told) == []


def test_a_disk_of_ours_on_usb_is_no_stick() -> None:
    assert devices(stick_at("/dev/sdb"), of=("/dev/sdb",)) == []
