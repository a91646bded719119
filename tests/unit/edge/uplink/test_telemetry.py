"""What the uplink makes of its daemons' words, whatever they are."""

from pathlib import Path
from typing import Any

import pytest

from guardian.contracts.edge.v1 import edge_pb2
from guardian.edge.uplink.host import Host
from guardian.edge.uplink.telemetry import camera_status, detector_status, read_health


def answer(**dependencies: Any) -> dict[str, Any]:
    return {"state": "ok", "status": "fine", "dependencies": dependencies}


def test_a_camera_that_works_is_told_with_its_figures():
    detail = {"name": "Door", "fps": 15.0, "width": 1920, "height": 1080, "codec": "avc1", "recording": True,
              "last_frame": "2026-01-31T08:00:00Z"}  # fmt: skip
    status = camera_status("front", "", answer(camera={"state": "ok", "sentence": "Fine.", "detail": detail}))
    assert (status.name, status.fps, status.width, status.recording) == ("Door", 15.0, 1920, True)
    assert status.state == edge_pb2.COMPONENT_STATE_OK
    assert status.HasField("last_frame")


def test_a_name_a_member_gave_wins():
    assert camera_status("front", "Gate", answer(camera={"detail": {"name": "Door"}})).name == "Gate"
    assert camera_status("front", "Gate", None).name == "Gate"


def test_the_worst_part_decides_and_says_why():
    status = camera_status(
        "front",
        "",
        answer(
            camera={"state": "ok", "sentence": "Fine."},
            vault={"state": "waiting", "reason": "no_roster", "sentence": "Waiting for the owner's vault."},
        ),
    )
    assert (status.state, status.reason) == (edge_pb2.COMPONENT_STATE_WAITING, "no_roster")


@pytest.mark.parametrize(
    "hostile",
    [{}, {"dependencies": []}, {"dependencies": {"camera": 1}}, answer(camera={"state": 5, "detail": []}),
     answer(camera={"state": "ok", "detail": {"fps": "x", "width": -1, "height": True, "last_frame": 7, "name": 3}}),
     answer(camera={"state": "ok", "detail": {"fps": float("nan"), "width": 10**12, "codec": "x" * 9999}})],
)  # fmt: skip
def test_words_that_make_no_sense_are_left_out(hostile: dict[str, Any]):
    status = camera_status("front", "", hostile)
    assert (status.name, status.fps, status.width, status.height) == ("front", 0, 0, 0)
    assert len(status.codec) <= 64
    assert detector_status(hostile).model == ""


async def test_a_socket_nobody_serves_is_no_answer(tmp_path: Path):
    assert await read_health(tmp_path / "camera@front" / "health.sock") is None


def test_the_machines_figures_are_plausible(tmp_path: Path):
    figures = Host(tmp_path).look()
    assert 0 <= figures.cpu_percent <= 100
    assert figures.memory > 0
    assert 0 < figures.disk_free <= figures.disk_total


def test_a_machine_without_proc_says_nothing_rather_than_fail(tmp_path: Path):
    figures = Host(tmp_path, proc=tmp_path).look()
    assert (figures.cpu_percent, figures.memory) == (0, 0)
