"""What cameras on a port are called: by where they are, never by what they say, and by no path."""

import os
from pathlib import Path

import pytest
from tests.device import USB, Sysfs

from guardian.edge import v4l2


@pytest.fixture
def sysfs(tmp_path: Path) -> Sysfs:
    return Sysfs(tmp_path / "sys")


def test_a_webcam_is_called_by_controller_and_port_as_the_kernel_does(sysfs: Sysfs) -> None:
    sysfs.webcam(0, 1)
    sysfs.webcam(10, port="4", card="Other")
    found = v4l2.nodes(sysfs.video)
    assert [(node.kernel, node.name) for node in found] == [
        ("video0", USB),
        ("video1", USB),
        ("video10", "usb-0000:00:14.0-4"),
    ]
    assert found[0].source == f"v4l2:{USB}"
    assert found[0].card == "HD Webcam: HD Webcam"


def test_its_name_is_the_same_under_another_number(sysfs: Sysfs) -> None:
    sysfs.webcam(0, 1)
    sysfs.take_out(0, 1)
    assert v4l2.nodes(sysfs.video) == []
    sysfs.webcam(6, 7)
    assert {node.name for node in v4l2.nodes(sysfs.video)} == {USB}


def test_devices_of_one_parent_are_told_apart(sysfs: Sysfs) -> None:
    """All of vivid's have the same one, and each an index 0: udev's by-path would have one link for both."""
    sysfs.vivid(0, 0)
    sysfs.vivid(1, 2)
    sysfs.loopback(4, "Dummy video (0x0000)")
    names = [node.name for node in v4l2.nodes(sysfs.video)]
    assert names == [
        "platform-vivid.0-vivid-000-vid-cap",
        "platform-vivid.0-vivid-000-vid-out",
        "platform-vivid.0-vivid-001-vid-cap",
        "platform-vivid.0-vivid-001-vid-out",
        "virtual-Dummy_video__0x0000_",
    ]
    assert all(map(v4l2.is_name, names))


def test_what_a_device_says_of_itself_stays_plain_and_short(sysfs: Sysfs) -> None:
    sysfs.webcam(0, card="Nice\x1b[31m \u202ecam/../../etc" + "x" * 200)
    (node,) = v4l2.nodes(sysfs.video)
    assert node.name == USB
    assert node.card.startswith("Nice[31m cam/../../etc") and len(node.card) == 64 and node.card.isprintable()


@pytest.mark.parametrize("kernel", ["video0/../video1", "../video0", "video", "radio0", "video0\n", "video1000", ""])
def test_a_node_is_never_a_path(sysfs: Sysfs, kernel: str) -> None:
    sysfs.webcam(0)
    assert v4l2.node(kernel, sysfs.video) is None


@pytest.mark.parametrize(
    "name", ["", "/dev/video0", "usb-../x", "usb-a/b", "usb- a", "usb-a\n", "USB-1", f"usb-{'1' * 161}"]
)
def test_a_name_is_never_a_path(name: str) -> None:
    assert not v4l2.is_name(name)


def test_what_lies_there_and_is_no_video_device_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "video0").write_bytes(b"")
    os.mkfifo(tmp_path / "video1")
    (tmp_path / "video2").symlink_to("/dev/null")
    for number in range(3):
        with pytest.raises(OSError, match=r"."), v4l2.opened(f"video{number}", tmp_path):
            raise AssertionError("it was opened")


def test_what_can_be_asked_and_is_no_video_device_gives_nothing(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as file:
        assert v4l2.formats(file.fileno()) == ()
