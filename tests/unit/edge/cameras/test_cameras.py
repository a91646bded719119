"""Which camera daemons run: by the files, of which each is judged for itself, with the least that must be changed."""

import os
import stat
from pathlib import Path

import pytest

from guardian.edge.cameras import main, units
from guardian.edge.cameras.plan import plan
from guardian.edge.cameras.wanted import look
from guardian.edge.config import EdgeConfig

ROOT = Path(__file__).resolve().parents[4]
LOCAL = "name: Front door\npath: v4l2:usb-0000:00:14.0-1\n"
GOOD = "name: Front door\npath: rtsp://192.168.1.9/stream\n"


@pytest.fixture
def settings(tmp_path: Path) -> EdgeConfig:
    (tmp_path / "cameras").mkdir()
    return EdgeConfig(state_dir=tmp_path, run_dir=tmp_path / "run", cameras_dir=tmp_path / "cameras")


def test_each_file_is_judged_for_itself(settings: EdgeConfig) -> None:
    folder = settings.cameras_dir
    (folder / "front.yaml").write_text(GOOD)
    (folder / "yard.yaml").write_text("name: Yard\npath: http://not.a.camera\n")
    (folder / "Bad Name.yaml").write_text(GOOD)
    (folder / "huge.yaml").write_text(GOOD + "# " + "x" * 70_000)
    (folder / "link.yaml").symlink_to("front.yaml")
    os.mkfifo(folder / "pipe.yaml")
    (folder / "open.yaml").write_text(GOOD)
    (folder / "open.yaml").chmod(0o666)
    (folder / ".front.yaml.new").write_text("half")
    (folder / "notes.txt").write_text("")
    found = look(settings)
    assert list(found.good) == ["front"]
    assert set(found.bad) == {"yard.yaml", "Bad Name.yaml", "huge.yaml", "link.yaml", "pipe.yaml", "open.yaml"}
    assert "rtsp://" in found.bad["yard.yaml"]


def test_no_folder_is_no_cameras(settings: EdgeConfig) -> None:
    settings.cameras_dir.rmdir()
    assert not look(settings).good


def test_the_least_is_changed() -> None:
    what = plan(
        good={"new": "1", "same": "1", "edited": "2", "broken": "1", "moved": "2"},
        bad=frozenset({"wrong"}),
        loaded=frozenset({"same", "edited", "gone", "wrong", "broken", "moved"}),
        running=frozenset({"same", "edited", "gone", "wrong", "moved"}),
        told={"same": "1", "edited": "1", "gone": "1", "wrong": "1", "moved": "1"},
        changed=frozenset({"new", "moved", "gone"}),
    )
    assert what.start == ("broken", "new")
    assert what.stop == ("gone",)
    assert what.reload == ("edited",)
    assert what.restart == ("moved",)
    assert what.text == "starts broken, new; stops gone; restarts moved; reloads edited"


class Systemctl:
    """A program in systemctl's place: says what runs, writes down what it is told."""

    def __init__(self, folder: Path) -> None:
        self._calls, self._running = folder / "calls", folder / "running"
        self.running("")
        program = folder / "bin" / "systemctl"
        program.parent.mkdir()
        script = f'if [ "$1" = list-units ]; then cat {self._running}; else echo "$@" >> {self._calls}; fi'
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.path = program.parent

    def running(self, lines: str) -> None:
        self._running.write_text(lines)

    def told(self) -> list[str]:
        """Since it was asked last."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return lines


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    made = Systemctl(tmp_path)
    monkeypatch.setattr(units, "RUNTIME", tmp_path / "system")
    monkeypatch.setenv("PATH", f"{made.path}:{os.environ['PATH']}")
    return made


def test_systemd_is_told_by_argument_lists_and_asked_again_only_for_what_changed(
    settings: EdgeConfig, systemctl: Systemctl
) -> None:
    (settings.cameras_dir / "front.yaml").write_text(GOOD)
    assert main.apply(settings) == {}
    assert systemctl.told() == ["start --no-block guardian-camera@front.service"]
    front = "guardian-camera@front.service loaded active running Guardian camera front\n"
    systemctl.running(
        front + "guardian-camera@old.service loaded failed failed Guardian camera old\n"
        "guardian-camera@idle.service loaded inactive dead Guardian camera idle\n"
        "guardian-camera@No.service loaded active running not one of ours\n"
    )
    assert units.seen().loaded == {"front", "old"}
    (settings.cameras_dir / "front.yaml").write_text(GOOD + "enabled: false\n")
    main.apply(settings)
    assert systemctl.told() == [
        "stop --no-block guardian-camera@old.service",
        "reload --no-block guardian-camera@front.service",
    ]
    systemctl.running(front)
    main.apply(settings)
    assert systemctl.told() == []


def test_a_daemon_may_open_devices_while_its_camera_is_on_a_port_and_no_longer(
    settings: EdgeConfig, systemctl: Systemctl, tmp_path: Path
) -> None:
    front = settings.cameras_dir / "front.yaml"
    link = tmp_path / "system/guardian-camera@front.service.d/70-usb.conf"
    front.write_text(LOCAL)
    main.apply(settings)
    # What it may do is known before it begins.
    assert systemctl.told() == ["daemon-reload", "start --no-block guardian-camera@front.service"]
    shipped = Path("units/optional/guardian-camera@.service.d/70-usb.conf")
    assert link.readlink() == Path("/opt/guardian/current") / shipped
    assert (ROOT / shipped).is_file()
    systemctl.running("guardian-camera@front.service loaded active running Guardian camera front\n")
    main.apply(settings)
    assert systemctl.told() == []
    front.write_text(LOCAL + "nonsense: 1\n")
    main.apply(settings)
    assert systemctl.told() == [] and link.is_symlink()
    front.write_text(GOOD)
    main.apply(settings)
    assert systemctl.told() == ["daemon-reload", "restart --no-block guardian-camera@front.service"]
    assert not link.parent.exists()


def test_a_file_that_was_wrong_for_a_while_is_read_once_it_is_mended(
    settings: EdgeConfig, systemctl: Systemctl
) -> None:
    file = settings.cameras_dir / "front.yaml"
    file.write_text(GOOD)
    main.apply(settings)
    systemctl.running("guardian-camera@front.service loaded active running Guardian camera front\n")
    file.write_text(GOOD + "nonsense: 1\n")
    assert list(main.apply(settings)) == ["front.yaml"]
    file.write_text(GOOD.replace("Front door", "Front"))
    main.apply(settings)
    assert systemctl.told() == [
        "start --no-block guardian-camera@front.service",
        "reload --no-block guardian-camera@front.service",
    ]
