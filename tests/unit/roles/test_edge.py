"""What the preflight of an edge, and of a node, says of files here and of settings that a host cannot follow."""

import os
import re
from pathlib import Path

import pytest
import yaml
from tests.unit.roles.playing import ROOT, play, said

SETTINGS = {
    "good": {"interface": "guardian0", "driver": "kernel"},
    "other": {"interface": "wg0"},
    "program": {"driver": "userspace"},
}


@pytest.mark.parametrize("there", [True, False])
def test_a_model_is_named_as_seen_from_the_repository(tmp_path: Path, there: bool) -> None:
    model = tmp_path / "model.onnx"
    if there:
        model.write_bytes(b"")
    playbooks = tmp_path / "somewhere"
    playbooks.mkdir()
    look = {"ansible.builtin.include_role": {"name": "edge", "tasks_from": "validate"}}
    done = play(
        playbooks,
        [{"hosts": "all", "tasks": [look]}],
        {"all": {"hosts": {"host": None}}},
        guardian_baking=True,
        edge_token="gdn1.x",
        edge_min_free_mb=0,
        edge_model_file=os.path.relpath(model, ROOT),
    )
    assert (done.returncode == 0) is there, done.stdout
    assert (f"{model} is not there. Nothing was changed." in said(done)) is not there


def test_a_tunnel_that_units_and_firewall_do_not_know_is_refused(tmp_path: Path) -> None:
    """Of a node too; to write out what holds is no fault."""
    look = {"ansible.builtin.include_role": {"name": "{{ tier }}", "tasks_from": "validate"}}
    edge = {"tier": "edge", "edge_token": "gdn1.x", "edge_min_free_mb": 0}
    node = {
        "tier": "node",
        "node_token": "gdn1.x",
        "node_min_free_mb": 0,
        "node_public_url": "https://node.example.net",
    }
    node["node_ui_origin"] = "https://guardian.example.net"
    hosts = {
        f"{tier['tier']}-{name}": tier | {f"{tier['tier']}_settings": {section: setting}}
        for tier, section in ((edge, "tunnel"), (node, "hub"))
        for name, setting in SETTINGS.items()
    }
    plays = [{"hosts": "all", "tasks": [look]}]
    done = play(tmp_path, plays, {"all": {"hosts": hosts}}, guardian_baking=True)
    for host in hosts:
        (failed,) = re.findall(rf"^{host} .* failed=(\d)", done.stdout, re.MULTILINE)
        assert (failed == "1") is not host.endswith("good"), done.stdout
    for section in ("tunnel", "hub"):
        assert f"leave {section}.interface out. Nothing was changed." in said(done)
        assert f"leave {section}.driver out, which does the same. Nothing was changed." in said(done)


@pytest.mark.parametrize(
    ("path", "good"),
    [
        ("rtsp://192.168.1.31/stream1", True),
        ("v4l2:usb-0000:00:14.0-1.2", True),
        ("v4l2:platform-vivid.0-vivid-000-vid-cap", True),
        ("v4l2:/dev/video0", False),
        ("/dev/video0", False),
        ("rtsp://me:hush@192.168.1.31/stream1", False),
    ],
)
def test_a_cameras_path_is_an_address_or_a_device_and_no_path(path: str, good: bool) -> None:
    names = yaml.safe_load((ROOT / "roles/edge/vars/main.yml").read_text("utf-8"))
    assert (re.match(names["edge_camera_path"], path) is not None) is good


def test_a_camera_that_is_refused_does_not_show_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "guardian"
    program.write_text("#!/bin/sh\necho refused >&2\nexit 1\n")
    program.chmod(0o755)
    cameras = [
        {"id": name, "name": name, "path": "rtsp://camera/1", "user": "viewer", "password": f"hush-{name}"}
        for name in ("front", "back")
    ]
    write = {"ansible.builtin.include_role": {"name": "edge", "tasks_from": "cameras"}}
    # As loud as it gets: what a run says ends in logs and in tickets.
    monkeypatch.setenv("ANSIBLE_VERBOSITY", "3")
    done = play(
        tmp_path,
        [{"hosts": "all", "tasks": [write]}],
        {"all": {"hosts": {"host": None}}},
        guardian_baking=True,
        guardian_live=False,
        edge_bin=str(tmp_path),
        edge_cameras=cameras,
    )
    assert done.returncode == 2
    assert "Write a file a camera" in done.stdout
    assert "failed: [host] (item=front)" in done.stdout
    assert "hush" not in done.stdout + done.stderr
