"""What a look says of a disk, of parts that are whole and of parts that are not."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.unit.appliance import tree as trees
from tests.unit.appliance.test_layout import made
from tests.unit.appliance.tree import STATE

from guardian.appliance import grubenv, layout, reset, status
from guardian.appliance.reset import Order
from guardian.appliance.status import Line
from guardian.common import seed_region
from guardian.common.errors import GuardianError

MOMENT = 1_769_846_400  # 2026-01-31 08:00:00 UTC


def said(lines: list[Line]) -> dict[str, str]:
    return {line.title: line.text for line in lines}


def test_a_table_as_it_was_made(tmp_path: Path) -> None:
    made(tmp_path / "disk", layout.SMALLEST)
    with (tmp_path / "disk").open("rb") as file:
        assert said(list(status.of_table(file))) == {"Partitions": "all there, as they were made"}


def test_a_partition_that_is_missing_and_one_that_is_another(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    made(path, layout.SMALLEST)
    for words in (["--delete", str(path), "4"], ["--part-type", str(path), "6", layout.BOOT.type]):
        subprocess.run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", *words], check=True)
    with path.open("rb") as file:
        text = said(list(status.of_table(file)))["Partitions"]
    assert text == "guardian-b is missing; guardian-data is not as it was made"


def test_a_disk_without_a_table(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(1 << 20))
    with (tmp_path / "disk").open("rb") as file, pytest.raises(GuardianError):
        list(status.of_table(file))


def test_slots_and_what_became_of_a_trial(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    (tree.boot / "A/initrd.img").unlink()
    lines = [str(line) for line in status.of_boot(tree.boot)]
    assert lines == [
        "Start         slot A is in force, slot B is on trial, 1 starts are left to it",
        "Last trial    unhealthy",
        "Slot A        has no initrd.img",
        "Slot B        has no vmlinuz and no initrd.img",
    ]
    machine = tree.machine
    assert str(status.of_slot("A", machine.slots["A"])) == "Slot A        holds a system"
    assert str(status.of_slot("B", machine.slots["B"])) == "Slot B        empty"


def test_a_reset_that_was_cut_off_is_told(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    reset.ask(tree.boot, Order(True, "20260131T080000Z"))
    assert "cut off" in said(list(status.of_boot(tree.boot)))["Reset"]


def test_a_damaged_grubenv_is_an_error(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    (tree.boot / grubenv.PLACE).write_bytes(b"good=A\n")
    with pytest.raises(GuardianError) as caught:
        list(status.of_boot(tree.boot))
    assert caught.value.reason == "grubenv_damaged"


def test_a_seed_that_waits(tmp_path: Path) -> None:
    path = tmp_path / "seed"
    path.write_bytes(seed_region.empty())
    assert status.of_seed(path).text == "none"
    path.write_bytes(b"anything".ljust(seed_region.SIZE))
    with pytest.raises(GuardianError):
        status.of_seed(path)


def file_system(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(layout.make_data(str(path)), check=True)
    return path


def test_a_file_system_that_is_whole(tmp_path: Path) -> None:
    path = file_system(tmp_path / "data")
    before = path.read_bytes()
    assert said(list(status.of_file_system(path))) == {"File system": "whole"}
    assert path.read_bytes() == before


def test_one_with_a_fault_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    path = file_system(tmp_path / "data")
    # The root folder's count of links.
    subprocess.run(["debugfs", "-w", "-R", "sif <2> links_count 9", str(path)], check=True, capture_output=True)
    before = path.read_bytes()
    text = said(list(status.of_file_system(path)))["File system"]
    assert text.startswith("has faults: Inode 2 ref count is 9, should be 3.")
    assert path.read_bytes() == before


def test_one_that_was_in_use_when_the_power_went(tmp_path: Path) -> None:
    path = file_system(tmp_path / "data")
    subprocess.run(["debugfs", "-w", "-R", "feature needs_recovery", str(path)], check=True, capture_output=True)
    assert "when the power went" in str(next(iter(status.of_file_system(path))))


def test_no_file_system_at_all(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(1 << 20))
    assert said(list(status.of_file_system(tmp_path / "data")))["File system"].startswith("has faults: ")


def test_recordings_enrolment_failures(tmp_path: Path) -> None:
    tree = trees.make(tmp_path)
    state = tree.data / STATE
    for path in [*state.rglob("*.sealed"), state / "analyzer/events.db"]:
        os.utime(path, (MOMENT, MOMENT))
    os.utime(state / "cameras/yard/clips/2026-01-31/c.sealed", (MOMENT + 5, MOMENT + 5))
    (tree.data / reset.KEPT / "20260101T000000Z").mkdir(parents=True)
    found = said(list(status.of_data(tree.data)))
    assert found.pop("Space").endswith("GB are free")
    assert found == {
        "Last clip": "2026-01-31 08:00:05 UTC",
        "Last event": "2026-01-31 08:00:00 UTC",
        "Enrolment": "enrolled as Hall, its node is 10.86.0.1:7443",
        "Kept clips": "of resets at 20260101T000000Z",
        "Failure": "2026-01-31 08:00 UTC  guardian-uplink.service was killed (signal KILL); its last words: It hurt.",
    }


def test_a_machine_that_has_done_nothing_yet(tmp_path: Path) -> None:
    found = said(list(status.of_data(tmp_path)))
    del found["Space"]
    assert found == {"Last clip": "none", "Last event": "none", "Enrolment": "not enrolled"}


@pytest.mark.parametrize("said_there", [b"", b"[]", b"{}", b"[" * 9999, b'"x"'])
def test_an_identity_of_another_form(tmp_path: Path, said_there: bytes) -> None:
    tree = trees.make(tmp_path)
    (tree.data / STATE / "identity/identity.json").write_bytes(said_there)
    assert said(list(status.of_data(tree.data)))["Enrolment"] == "its identity is damaged"


def test_no_link_is_followed(tmp_path: Path) -> None:
    tree, state = trees.make(tmp_path / "tree"), tmp_path / "tree/data" / STATE
    for name in ("identity", "failures", "cameras", "analyzer"):
        (state / name).rename(tmp_path / name)
        (state / name).symlink_to(tmp_path / name)
    found = said(list(status.of_data(tree.data)))
    del found["Space"]
    assert found == {"Last clip": "none", "Last event": "none", "Enrolment": "its identity is damaged"}
