"""A camera on a port: what it shows is sealed and becomes an event; pulled out, it is waited for and taken up again."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import av
import pytest
from tests.analyzing.scenes import shapes_model
from tests.device import USB, Device
from tests.integration.camera.support import CameraDaemon, EdgeFolders, movie, wait_for
from tools.camera import footage

from guardian.contracts.edge.v1.edge_pb2 import Event
from guardian.edge.events.store import EventStore

# Nobody, then a visit of four seconds, over and over.
FILM = [footage.Walk(2.0, 4.0, footage.RED, 0.5)]


@pytest.fixture(scope="session")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return footage.write(tmp_path_factory.mktemp("visit") / "visit.mp4", FILM, 8.0, width=640, height=360, fps=15)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device.make(tmp_path)


@contextmanager
def watching(folders: EdgeFolders, device: Device, **edge: object) -> Iterator[CameraDaemon]:
    folders.write_camera(f"v4l2:{USB}")
    config = folders.write_edge(record={"pre_capture": 1, "post_capture": 2}, **edge)
    log = folders.base / "camera.log"
    daemon = CameraDaemon(config, folders.run, log, before=device.before, **device.environ)
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.kill()


@contextmanager
def analyzer(folders: EdgeFolders) -> Iterator[Callable[[], list[Event]]]:
    """`guardian-analyzer`; what events it has, the newest revision of each."""
    command = [sys.executable, "-m", "guardian.edge.analyzer.main", "--config", str(folders.base / "edge.yaml")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:

        def events() -> list[Event]:
            path = folders.base / "state" / "analyzer" / "events.db"
            if not path.exists():
                return []
            store = EventStore(path)
            try:
                found = [Event.FromString(row[3]) for row in store.outbox_rows()]
            finally:
                store.close()
            return list({event.id: event for event in found}.values())

        try:
            yield events
        finally:
            process.terminate()


@pytest.mark.parametrize("kind", ["YUYV", "MJPG", "H264"])
def test_what_it_shows_is_sealed_and_is_an_event(
    folders: EdgeFolders, device: Device, visit: Path, tmp_path: Path, kind: str
) -> None:
    device.show(visit, kind)
    with watching(folders, device, model=shapes_model(tmp_path)) as daemon, analyzer(folders) as events:
        wait_for(lambda: daemon.dependency("camera").get("state") == "ok")
        wait_for(lambda: [event for event in events() if event.label == "person" and event.HasField("end")], 90)
        row = wait_for(lambda: next((row for row in folders.clips() if row["state"] == "closed"), None))
        assert daemon.dependency("camera")["detail"]["codec"] == "h264"
    with av.open(io.BytesIO(movie(folders.open(row))), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.codec_context.name) == (640, 360, "h264")
        packets = [packet for packet in container.demux(stream) if packet.size]
        keys = [float((packet.pts or 0) * (stream.time_base or 0)) for packet in packets if packet.is_keyframe]
        assert all(0.5 < later - earlier < 1.5 for earlier, later in pairwise(keys))
        assert len(keys) >= 4


def test_pulled_out_it_is_waited_for_and_taken_up_again(folders: EdgeFolders, device: Device, visit: Path) -> None:
    device.show(visit, "MJPG")
    device.sysfs.take_out(0, 1)
    with watching(folders, device) as daemon:
        said = wait_for(lambda: daemon.dependency("camera").get("reason") == "unplugged" and daemon.health())
        assert said["dependencies"]["camera"]["state"] == "waiting"
        assert said["status"] == "The camera is not plugged in."
        # Another number than before: who was there first has it.
        (device.films / "video0").rename(device.films / "video4")
        device.sysfs.webcam(4)
        wait_for(lambda: daemon.dependency("camera").get("state") == "ok")
        device.say("gone", now=True)
        device.sysfs.take_out(4)
        wait_for(lambda: daemon.dependency("camera").get("reason") == "unplugged")
        device.say("gone", now=False)
        device.sysfs.webcam(6)
        (device.films / "video4").rename(device.films / "video6")
        wait_for(lambda: daemon.dependency("camera").get("state") == "ok")


@pytest.mark.parametrize(("what", "reason"), [("busy", "busy"), ("silent", "no_pictures")])
def test_a_camera_that_is_there_and_gives_nothing_says_why(
    folders: EdgeFolders, device: Device, visit: Path, what: str, reason: str
) -> None:
    device.show(visit, "YUYV")
    device.say(what, now=True)
    with watching(folders, device) as daemon:
        wait_for(lambda: daemon.dependency("camera").get("reason") == reason)
        device.say(what, now=False)
        wait_for(lambda: daemon.dependency("camera").get("state") == "ok", 60)
        device.say("silent", now=True)
        wait_for(lambda: daemon.dependency("camera").get("state") == "degraded")


def test_a_device_that_gives_no_pictures_is_no_camera(folders: EdgeFolders, device: Device) -> None:
    (device.films / "video0").write_bytes(b"UVCH 0 0 1\n")
    with watching(folders, device) as daemon:
        wait_for(lambda: daemon.dependency("camera").get("reason") == "no_format")


def test_another_size_begins_a_new_clip(
    folders: EdgeFolders, device: Device, visit: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other") / "other.mp4"
    walks = [footage.Walk(0.0, 6.0, footage.GREEN, 0.5)]
    footage.write(other, walks, 6.0, width=320, height=240, fps=15)
    restless = footage.write(other.with_name("restless.mp4"), walks, 6.0, width=640, height=360, fps=15)
    device.show(restless, "MJPG")
    with watching(folders, device) as daemon:
        wait_for(lambda: any(row["state"] == "open" for row in folders.clips()))
        device.say("gone", now=True)
        wait_for(lambda: daemon.dependency("camera").get("state") != "ok")
        device.show(other, "MJPG")
        device.say("gone", now=False)
        wait_for(lambda: len(folders.clips()) > 1)
        wait_for(lambda: daemon.dependency("camera").get("detail", {}).get("width") == 320)


def test_a_person_is_told_what_to_write_into_its_file(device: Device, visit: Path) -> None:
    device.show(visit, "MJPG")
    # Neither can be opened: what is there is said all the same.
    device.sysfs.vivid(0, 8)
    command = [*device.before, sys.executable, "-m", "guardian.cli.main", "camera", "find"]
    done = subprocess.run(command, env={**os.environ, **device.environ}, capture_output=True, text=True, check=True)
    first, *others = done.stdout.splitlines()
    assert first == f"v4l2:{USB}  HD Webcam: HD Webcam (MJPG)"
    assert [line.split()[0] for line in others] == [
        "v4l2:platform-vivid.0-vivid-000-vid-cap",
        "v4l2:platform-vivid.0-vivid-000-vid-out",
    ]
