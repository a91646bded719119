"""Which camera daemons run: by the files, of which each is judged for itself, with the least that must be changed."""

import os
import stat
from pathlib import Path

import pytest

from guardian.edge.cameras import main, units
from guardian.edge.cameras.plan import plan
from guardian.edge.cameras.wanted import look
from guardian.edge.config import EdgeConfig

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
        good={"new": "1", "same": "1", "edited": "2", "broken": "1"},
        bad=frozenset({"wrong"}),
        loaded=frozenset({"same", "edited", "gone", "wrong", "broken"}),
        running=frozenset({"same", "edited", "gone", "wrong"}),
        told={"same": "1", "edited": "1", "gone": "1", "wrong": "1"},
    )
    assert what.start == ("broken", "new")
    assert what.stop == ("gone",)
    assert what.reload == ("edited",)
    assert what.text == "starts broken, new; stops gone; reloads edited"


def test_systemd_is_told_by_argument_lists_and_asked_again_only_for_what_changed(
    settings: EdgeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    running = tmp_path / "running"
    running.write_text("")
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    # A program in systemctl's place writes down what it is told.
    program.write_text(f'#!/bin/sh\nif [ "$1" = list-units ]; then cat {running}; else echo "$@" >> {calls}; fi\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    (settings.cameras_dir / "front.yaml").write_text(GOOD)
    assert main.apply(settings) == {}
    assert calls.read_text() == "start --no-block guardian-camera@front.service\n"
    calls.unlink()
    running.write_text(
        "guardian-camera@front.service loaded active running Guardian camera front\n"
        "guardian-camera@old.service loaded failed failed Guardian camera old\n"
        "guardian-camera@idle.service loaded inactive dead Guardian camera idle\n"
        "guardian-camera@No.service loaded active running not one of ours\n"
    )
    assert units.seen().loaded == {"front", "old"}
    (settings.cameras_dir / "front.yaml").write_text(GOOD + "enabled: false\n")
    main.apply(settings)
    assert calls.read_text().splitlines() == [
        "stop --no-block guardian-camera@old.service",
        "reload --no-block guardian-camera@front.service",
    ]
    calls.unlink()
    running.write_text(running.read_text().splitlines()[0])
    main.apply(settings)
    assert not calls.exists()
