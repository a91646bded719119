"""A camera that is plugged in becomes one once: not again when it was taken away, not twice, not without end."""

import json
import stat
from pathlib import Path

import pytest
import yaml
from tests.device import USB, Sysfs

from guardian.common.errors import GuardianError
from guardian.edge.cameras.plugged import MOST, plugged
from guardian.edge.cameras.wanted import look
from guardian.edge.config import EdgeConfig, load_camera


@pytest.fixture
def settings(tmp_path: Path) -> EdgeConfig:
    (tmp_path / "cameras").mkdir()
    return EdgeConfig(state_dir=tmp_path / "state", run_dir=tmp_path / "run", cameras_dir=tmp_path / "cameras")


@pytest.fixture
def sysfs(tmp_path: Path) -> Sysfs:
    made = Sysfs(tmp_path / "sys")
    made.webcam(0, 1, card="HD: 'Webcam' #1")
    return made


def files(settings: EdgeConfig) -> list[str]:
    return sorted(path.name for path in settings.cameras_dir.iterdir())


def test_it_gets_a_file_that_is_good_and_its_own_name(settings: EdgeConfig, sysfs: Sysfs) -> None:
    assert plugged(settings, "video0", sysfs.video) == f"v4l2:{USB} is usb1."
    file = settings.cameras_dir / "usb1.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    camera = load_camera(settings, "usb1")
    assert (camera.name, camera.device) == ("HD: 'Webcam' #1", USB)
    assert look(settings).local == {"usb1"}


def test_its_other_nodes_and_the_next_start_add_nothing(settings: EdgeConfig, sysfs: Sysfs) -> None:
    for kernel in ("video0", "video1", "video0"):
        plugged(settings, kernel, sysfs.video)
    assert files(settings) == ["usb1.yaml"]


def test_one_that_its_owner_took_away_does_not_come_back_and_its_number_is_not_given_again(
    settings: EdgeConfig, sysfs: Sysfs
) -> None:
    plugged(settings, "video0", sysfs.video)
    (settings.cameras_dir / "usb1.yaml").unlink()
    assert plugged(settings, "video0", sysfs.video) == f"v4l2:{USB} is known: it became usb1."
    assert files(settings) == []
    sysfs.vivid(0, 2)
    sysfs.vivid(1, 4)
    plugged(settings, "video2", sysfs.video)
    plugged(settings, "video4", sysfs.video)
    assert files(settings) == ["usb2.yaml", "usb3.yaml"]


def test_one_that_somebody_named_stays_theirs(settings: EdgeConfig, sysfs: Sysfs) -> None:
    (settings.cameras_dir / "door.yaml").write_text(yaml.safe_dump({"name": "Door", "path": f"v4l2:{USB}"}))
    (settings.cameras_dir / "odd.yaml").write_text("nonsense: 1\n")
    assert plugged(settings, "video0", sysfs.video) == f"v4l2:{USB} is door."
    assert files(settings) == ["door.yaml", "odd.yaml"]


def test_it_can_be_turned_off(settings: EdgeConfig, sysfs: Sysfs) -> None:
    off = settings.model_copy(update={"add_usb_cameras": False})
    assert "add_usb_cameras is off" in plugged(off, "video0", sysfs.video)
    assert files(settings) == []


@pytest.mark.parametrize("kernel", ["video9", "../../etc/passwd", "video0/.."])
def test_what_is_gone_again_or_is_no_device_adds_nothing(settings: EdgeConfig, sysfs: Sysfs, kernel: str) -> None:
    plugged(settings, kernel, sysfs.video)
    assert files(settings) == []


def test_who_plugs_in_without_end_fills_nothing(settings: EdgeConfig, sysfs: Sysfs) -> None:
    for number in range(MOST):
        sysfs.loopback(10 + number, f"Camera {number}")
        plugged(settings, f"video{10 + number}", sysfs.video)
    with pytest.raises(GuardianError, match="were added by themselves already") as refusal:
        plugged(settings, "video0", sysfs.video)
    assert refusal.value.reason == "usb_cameras_count"
    assert len(files(settings)) == MOST


def test_a_memory_that_cannot_be_read_adds_nothing_and_says_so(settings: EdgeConfig, sysfs: Sysfs) -> None:
    plugged(settings, "video0", sysfs.video)
    memory = settings.state_dir / "usb-cameras" / "seen.json"
    assert json.loads(memory.read_text()) == {USB: "usb1"}
    memory.write_text("{")
    sysfs.vivid(0, 2)
    with pytest.raises(GuardianError) as refusal:
        plugged(settings, "video2", sysfs.video)
    assert refusal.value.reason == "usb_cameras_memory"
    assert files(settings) == ["usb1.yaml"]
