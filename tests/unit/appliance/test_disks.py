"""Which disk is installed to: never the stick, never somebody's removable one."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.appliance import disks
from guardian.appliance.disks import Disk, DiskError
from guardian.appliance.layout import SMALLEST

MEDIUM = "/dev/sda1"


def found(path: str, **more: Any) -> dict[str, Any]:
    """As `lsblk --json --bytes` tells of a disk."""
    plain = {
        "path": path,
        "type": "disk",
        "size": 64 * 10**9,
        "rm": False,
        "ro": False,
        "hotplug": False,
        "tran": "nvme",
        "model": "Fine  Disk",
        "fstype": None,
        "pttype": None,
        "mountpoints": [None],
    }
    return plain | more


STICK = found("/dev/sda", tran="usb", rm=True, hotplug=True, children=[found(MEDIUM, type="part", tran=None)])


def chosen(*told: dict[str, Any]) -> str:
    return disks.choose(disks.parse({"blockdevices": list(told)}, MEDIUM)).path


def refusal(*told: dict[str, Any]) -> DiskError:
    with pytest.raises(DiskError) as caught:
        chosen(*told)
    return caught.value


def test_emmc_is_internal_though_lsblk_takes_it_for_a_card(tmp_path: Path) -> None:
    for name, kind in (("mmcblk0", "MMC"), ("mmcblk1", "SD")):
        (tmp_path / name / "device").mkdir(parents=True)
        (tmp_path / name / "device/type").write_text(f"{kind}\n")
    told = {"blockdevices": [found(f"/dev/mmcblk{number}", tran=None, hotplug=True) for number in (1, 0)]}
    emmc = disks.soldered(tmp_path)
    assert emmc == {"/dev/mmcblk0"}
    assert disks.choose(disks.parse(told, MEDIUM, emmc)).path == "/dev/mmcblk0"
    with pytest.raises(DiskError, match="removable"):
        disks.choose(disks.parse(told, MEDIUM))


def test_the_internal_disk_is_chosen() -> None:
    assert chosen(STICK, found("/dev/nvme0n1")) == "/dev/nvme0n1"


def test_of_several_the_fastest_bus_then_the_largest() -> None:
    sata, large = found("/dev/sdb", tran="sata", size=10**13), found("/dev/nvme1n1", size=10**12)
    assert chosen(STICK, sata, found("/dev/nvme0n1"), large) == "/dev/nvme1n1"


def test_only_the_stick() -> None:
    error = refusal(STICK)
    assert error.reason == "disk_missing"
    assert "/dev/sda" in str(error)
    assert "the installer runs from it" in str(error)


def test_no_disk_at_all() -> None:
    assert "No disk was found" in str(refusal())


def test_a_disk_that_is_too_small_is_told_from_none() -> None:
    assert refusal(STICK, found("/dev/nvme0n1", size=SMALLEST - 1)).reason == "disk_too_small"
    assert chosen(STICK, found("/dev/nvme0n1", size=SMALLEST)) == "/dev/nvme0n1"


@pytest.mark.parametrize(
    "more",
    [{"tran": "usb"}, {"rm": True}, {"hotplug": True}, {"ro": True}, {"tran": "iscsi"}, {"tran": None}],
    ids=str,
)
def test_a_disk_that_may_be_somebodys_is_left_alone(more: dict[str, Any]) -> None:
    assert refusal(STICK, found("/dev/sdb", **more)).reason == "disk_missing"


def test_a_medium_that_says_it_is_internal_is_not_chosen() -> None:
    """Some readers of cards do. So does a disk of which anything is mounted."""
    medium = found("/dev/sda", tran="sata", children=[found(MEDIUM, type="part")])
    assert refusal(medium).reason == "disk_missing"
    mounted = found("/dev/sdb", tran="sata", children=[found("/dev/sdb1", type="part", mountpoints=["/mnt"])])
    assert refusal(medium, mounted).reason == "disk_missing"


def test_what_is_neither_a_disk_nor_lasting_is_no_choice() -> None:
    others = [found("/dev/sr0", type="rom"), found("/dev/loop0", type="loop"), found("/dev/zram0", tran=None)]
    assert "No disk was found" in str(refusal(*others))


def test_what_a_person_would_lose_is_said() -> None:
    told = [
        found("/dev/a", children=[found("/dev/a1", type="part"), found("/dev/a2", type="part")], pttype="gpt"),
        found("/dev/b", fstype="ext4"),
        found("/dev/c", pttype="dos"),
        found("/dev/d"),
    ]
    read = disks.parse({"blockdevices": told}, MEDIUM)
    assert [disk.holds for disk in read] == ["2 partitions", "a file system (ext4)", "an empty dos table", ""]


MIB = 1 << 20
LARGE = 100 * MIB


def look(path: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Disk:
    """What is read of a disk that lsblk knows nothing of."""
    monkeypatch.setattr(disks, "told", lambda: {"blockdevices": [found(str(path), **more)]})
    [disk] = disks.read(MEDIUM)
    return disk


@pytest.mark.parametrize("place", [0, 2 * MIB, LARGE // 2, LARGE - 2 * MIB, LARGE - 1, None])
@pytest.mark.parametrize("rest", [b"\0", b"\xff"])
def test_a_disk_of_which_nothing_is_known_is_empty_only_where_nothing_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int | None, rest: bytes
) -> None:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        for _ in range(LARGE // MIB):
            file.write(rest * MIB)
        if place is not None:
            file.seek(place // MIB * MIB)
            file.write(rest * (MIB - 1) + b"!")
    assert look(path, monkeypatch).holds == ("" if place is None else disks.UNKNOWN)


def test_zeros_over_what_was_erased_to_ones_are_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the first step of an installation leaves flash, when it is cut off."""
    path = tmp_path / "disk"
    path.write_bytes(bytes(2 * MIB) + b"\xff" * 80 * MIB + bytes(2 * MIB))
    assert look(path, monkeypatch).holds == ""


def test_what_lsblk_knows_is_said_as_it_knows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"?" * MIB)
    assert look(path, monkeypatch, fstype="ext4").holds == "a file system (ext4)"


@pytest.mark.parametrize("more", [{}, {"fstype": "ext4"}], ids=str)
def test_a_disk_that_cannot_be_read_says_so_and_is_not_chosen(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    """The kernel's own answer, at a file of its own that has no end."""
    disk = look(Path("/proc/self/mem"), monkeypatch, **more)
    assert disks.why_not(disk).startswith("it cannot be read: ")
    with pytest.raises(DiskError, match="it cannot be read"):
        disks.choose([disk])


def test_no_more_is_read_of_a_large_disk_than_a_slow_one_gives_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(2 << 40)
    before = read_so_far()
    assert not disks.is_written(path)
    assert read_so_far() - before < 66 * MIB


def read_so_far() -> int:
    """Bytes that this process was handed by reads."""
    return int(Path("/proc/self/io").read_text().split()[1])


@given(
    st.lists(
        st.builds(
            Disk,
            path=st.text("abc", min_size=1),
            size=st.integers(0, 2 * SMALLEST),
            bus=st.sampled_from(["nvme", "sata", "usb", "virtio", "mmc", "", "iscsi"]),
            model=st.just(""),
            removable=st.booleans(),
            read_only=st.booleans(),
            holds=st.just(""),
            is_medium=st.booleans(),
            fault=st.sampled_from(["", "Input/output error"]),
        )
    )
)
def test_whatever_is_found_the_choice_is_internal_writable_large_and_not_the_medium(found: list[Disk]) -> None:
    try:
        disk = disks.choose(found)
    except DiskError:
        assert all(disks.why_not(item) for item in found)
        return
    assert not (disk.removable or disk.read_only or disk.is_medium or disk.fault)
    assert disk.size >= SMALLEST
    assert disk.bus not in ("usb", "", "iscsi")
