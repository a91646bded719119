"""What a camera's file may say, and how it lies over the edge's own settings."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from guardian.common.errors import ConfigError
from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.rtsp import address_of
from guardian.edge.config import EdgeConfig, list_cameras, load_camera


def edge_with(folder: Path, **camera: Any) -> EdgeConfig:
    (folder / "front.yaml").write_text(yaml.safe_dump({"name": "Front", "path": "rtsp://10.0.0.2/live", **camera}))
    return EdgeConfig(cameras_dir=folder)


def test_a_cameras_settings_lie_over_the_edges(tmp_path: Path):
    settings = edge_with(tmp_path, detect={"fps": 2}, record={"pre_capture": 9})
    camera = load_camera(settings, "front")
    assert (camera.detect.fps, camera.detect.width) == (2, settings.detect.width)
    assert (camera.record.pre_capture, camera.record.post_capture) == (9, settings.record.post_capture)


@pytest.mark.parametrize(
    "path",
    [
        "file:///etc/passwd",
        "/dev/video0",
        "http://10.0.0.2/",
        "rtsp://",
        "rtsp:///x",
        "rtsp://h:99999/x",
        "rtsp://a b/x",
        "rtsp://h/x\n",
        "concat:a|b",
        "pipe:0",
        "exec:reboot",
        "",
    ],
)
def test_only_rtsp_addresses_with_a_host_are_taken_and_the_refusal_does_not_repeat_them(tmp_path: Path, path: str):
    with pytest.raises(ConfigError) as refusal:
        load_camera(edge_with(tmp_path, path=path), "front")
    assert "path" in str(refusal.value)
    assert len(path) < 4 or path.strip() not in str(refusal.value)


def test_a_camera_on_a_port_is_named_and_has_no_password(tmp_path: Path):
    settings = edge_with(tmp_path, path="v4l2:usb-0000:00:14.0-1.2", usb={"fps": 5})
    camera = load_camera(settings, "front")
    assert (camera.device, camera.usb.fps, camera.usb.width) == ("usb-0000:00:14.0-1.2", 5, 1280)
    with pytest.raises(ConfigError, match="has no user"):
        load_camera(edge_with(tmp_path, path="v4l2:usb-0000:00:14.0-1.2", user="me"), "front")
    assert load_camera(edge_with(tmp_path), "front").device == ""


@pytest.mark.parametrize(
    "path", ["v4l2:", "v4l2:/dev/video0", "v4l2://usb-1", "v4l2:usb-../../x", "v4l2:video0", "V4L2:usb-1"]
)
def test_a_device_is_never_a_path(tmp_path: Path, path: str):
    with pytest.raises(ConfigError):
        load_camera(edge_with(tmp_path, path=path), "front")


@pytest.mark.parametrize("name", ["../front", "Front", "", "a" * 33, "fr ont", "front/../x", ".."])
def test_a_camera_id_is_never_a_path(tmp_path: Path, name: str):
    with pytest.raises(ConfigError) as refusal:
        load_camera(EdgeConfig(cameras_dir=tmp_path), name)
    assert refusal.value.reason == "config_camera_id"


def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path):
    with pytest.raises(ConfigError, match="pre_capture"):
        load_camera(edge_with(tmp_path, record={"pre_captur": 5}), "front")


def test_the_address_is_never_shown(tmp_path: Path):
    camera = load_camera(edge_with(tmp_path, path="rtsp://me:hush@10.0.0.2/live"), "front")
    assert "hush" not in repr(camera) + str(camera) + camera.model_dump_json()
    assert address_of(camera) == "rtsp://me:hush@10.0.0.2/live"


def test_a_password_comes_from_the_credentials_folder_and_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "front").write_text("p@ss:w/rd?\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings = edge_with(tmp_path, path="rtsp://old:one@10.0.0.2:554/live?a=1", user="me", password_credential="front")
    assert address_of(load_camera(settings, "front")) == "rtsp://me:p%40ss%3Aw%2Frd%3F@10.0.0.2:554/live?a=1"


@pytest.mark.parametrize("name", ["../secret", "/etc/shadow", "a/b", ".hidden"])
def test_a_credential_is_a_plain_name(tmp_path: Path, name: str):
    with pytest.raises(ConfigError):
        load_camera(edge_with(tmp_path, user="me", password_credential=name), "front")


def test_a_missing_credential_is_a_fault_of_the_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    camera = load_camera(edge_with(tmp_path, user="me", password_credential="nowhere"), "front")
    with pytest.raises(CameraFault) as fault:
        address_of(camera)
    assert fault.value.reason == "no_password_file"


def test_cameras_are_the_files_with_a_proper_id(tmp_path: Path):
    for name in ("front.yaml", "Back.yaml", "yard_2.yaml", "notes.txt", "a b.yaml"):
        (tmp_path / name).write_text("")
    assert list_cameras(EdgeConfig(cameras_dir=tmp_path)) == ["front", "yard_2"]
