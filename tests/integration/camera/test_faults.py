"""What can be wrong with a camera or a disk, each ending in a reason and a sentence."""

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from tests.integration.camera.support import (
    EdgeFolders,
    SimulatedCamera,
    movie,
    pictures,
    running,
    wait_for,
)
from tools.camera.container import read

from guardian.common.errors import GuardianError
from guardian.edge import identity as identities
from guardian.edge.camera.index import Clip
from guardian.edge.camera.recorder import Recorder
from guardian.edge.camera.source import Source
from guardian.edge.camera.stream import Parameters, Unit, parameter_sets
from guardian.edge.config import RecordConfig, load_camera
from guardian.edge.roster import RosterFile
from guardian.vault.writer import FileSink

Simulate = Callable[..., SimulatedCamera]


@contextmanager
def watching(folders: EdgeFolders, url: str, **more: str) -> Iterator[tuple[Source, list[Unit]]]:
    """The capture thread alone."""
    folders.write_camera(url, **more)
    units: list[Unit] = []
    source = Source(load_camera(folders.settings, "front"), unit=units.append, gap=lambda: None)
    source.start()
    yield source, units
    source.stop()


def reason(source: Source) -> str:
    return source.status.fault.reason if source.status.fault else ""


@contextmanager
def nonsense(answer: bytes) -> Iterator[int]:
    """A server that is no camera."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    peer, _ = server.accept()
                except TimeoutError:
                    continue
                with peer:
                    peer.recv(1000)
                    peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99999999999999\r\n\r\n",
        b"\x00\xff" * 5000,
        b"RTSP/1.0 302 Found\r\nCSeq: 1\r\nLocation: file:///etc/passwd\r\n\r\n",
    ],
    ids=["silence", "ssh", "http", "absurd length", "noise", "redirected to a file"],
)
def test_what_does_not_speak_rtsp_is_not_a_camera(folders: EdgeFolders, answer: bytes):
    with nonsense(answer) as port, watching(folders, f"rtsp://127.0.0.1:{port}/x") as (source, units):
        assert wait_for(lambda: reason(source)) in {"not_a_camera", "gone", "no_answer"}
        assert units == []
        assert source.alive


def test_a_closed_port_refuses(folders: EdgeFolders):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with watching(folders, f"rtsp://127.0.0.1:{port}/x") as (source, _):
        assert wait_for(lambda: reason(source)) == "refused"


def test_an_unknown_name_has_no_route(folders: EdgeFolders):
    with watching(folders, "rtsp://camera.invalid/x") as (source, _):
        assert wait_for(lambda: reason(source)) == "no_route"


def test_a_camera_without_that_stream_says_so(folders: EdgeFolders, simulate: Simulate, film: Path):
    camera = simulate(f"front={film}")
    with watching(folders, f"rtsp://127.0.0.1:{camera.port}/back") as (source, _):
        assert wait_for(lambda: reason(source)) == "not_found"


def test_a_wrong_password_is_refused_a_right_one_plays_and_neither_is_ever_said(
    folders: EdgeFolders, simulate: Simulate, film: Path, monkeypatch: pytest.MonkeyPatch
):
    camera = simulate("--user", "ow ner@", "--password", "s3cr:t/pass", f"front={film}")
    secrets = folders.base / "credentials"
    secrets.mkdir()
    (secrets / "front").write_text("wr0ngpass\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secrets))
    folders.write_camera(f"rtsp://127.0.0.1:{camera.port}/front", user="ow ner@", password_credential="front")
    with running(folders) as daemon:
        health = wait_for(lambda: daemon.dependency("camera").get("reason") == "password_refused" and daemon.health())
        assert health["state"] == "failed"
        assert "password" in health["status"]
        (secrets / "front").write_text("s3cr:t/pass\n")
        wait_for(lambda: daemon.dependency("camera").get("state") == "ok")
        said = daemon.log_text() + str(daemon.health())
    assert "password_refused" in said
    assert not any(word in said for word in ("wr0ngpass", "s3cr", "ow ner", "ow%20ner", "rtsp://"))


def test_a_frozen_camera_is_named_and_comes_back(folders: EdgeFolders, simulate: Simulate, other_film: Path):
    camera = simulate(f"front={other_film}")
    with watching(folders, f"rtsp://127.0.0.1:{camera.port}/front") as (source, units):
        wait_for(lambda: len(units) > 5)
        camera.command("freeze")
        wait_for(lambda: reason(source) == "frozen")
        camera.command("resume")
        wait_for(lambda: source.status.connected and not reason(source))


def test_a_camera_that_goes_away_closes_its_clip_and_is_recorded_again_when_it_returns(
    folders: EdgeFolders, simulate: Simulate, other_film: Path
):
    camera = simulate(f"front={other_film}")
    folders.write_camera(f"rtsp://127.0.0.1:{camera.port}/front", record={"pre_capture": 1, "post_capture": 1})
    with running(folders) as daemon:
        wait_for(lambda: [row for row in folders.clips() if row["end"] - row["start"] > 0.5])
        camera.kill()
        wait_for(lambda: daemon.dependency("camera").get("reason") in {"gone", "refused"})
        (row,) = wait_for(lambda: [row for row in folders.clips() if row["state"] == "closed"])
        assert pictures(movie(folders.open(row)))
        camera.start()
        wait_for(lambda: len(folders.clips()) > 1)
        faults = [line["reason"] for line in daemon.log_lines() if line["event"] == "camera_fault"]
    # Once a change, not once a try.
    assert all(before != after for before, after in pairwise(faults))


class FullSink(FileSink):
    """A disk that becomes full: the outermost seam, below everything of ours."""

    room = 1 << 40

    def write(self, *pieces: bytes | memoryview) -> None:
        if sum(map(len, pieces)) > FullSink.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        FullSink.room -= sum(map(len, pieces))
        super().write(*pieces)


def test_a_full_disk_ends_the_clip_says_so_and_recording_resumes_when_there_is_room(
    folders: EdgeFolders, film: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(FullSink, "room", 70_000)
    told: list[Clip] = []
    faults: list[GuardianError | None] = []
    state = folders.base / "state"
    recorder = Recorder(
        folders.camera,
        "front",
        RecordConfig(pre_capture=0, post_capture=1),
        identities.load(state),
        RosterFile(state),
        changed=told.append,
        faulted=faults.append,
        open_sink=FullSink,
    )
    recorder.start()
    recorder.need(1e12)
    played = read(film)
    parameters = Parameters("h264", parameter_sets("h264", played.units[0].data), played.units[0].data)

    def play(loop: int) -> None:
        for unit in played.units:
            moment = (unit.pts + loop * played.duration) / 1e9
            recorder.offer(Unit(unit.data, round(moment * 90_000), unit.key, 1e6 + moment, parameters))

    play(0)
    wait_for(lambda: faults)
    assert faults[0] is not None and faults[0].reason == "disk_full"
    assert "full" in str(faults[0])
    (row,) = [row for row in folders.clips() if row["state"] == "truncated"]
    cut = folders.open(row)
    assert cut.state == "truncated"
    assert pictures(movie(cut))
    FullSink.room = 1 << 40

    def resumed() -> bool:
        play(len(told))
        return faults[-1] is None

    wait_for(resumed)
    assert recorder.stop()
    assert folders.open(folders.clips()[-1]).state == "complete"
    assert told[-1].state == "closed"
