"""A daemon's life, seen from outside: a real process, a listener where systemd would listen, its health socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from guardian.common.lifecycle import STOP_SECONDS

SCRIPT = Path(__file__).with_name("daemon_process.py")


class Daemon:
    """The process and what it told its service manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "sample.yaml"
        self.socket = folder / "sample" / "health.sock"
        self.notices: list[str] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._listener.bind(str(folder / "notify"))
        self._listener.settimeout(30)
        self._log = (folder / "log").open("w+b")
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, **settings: Any) -> None:
        whole = {"state_dir": str(self.folder), "run_dir": str(self.folder)} | settings
        self.config.write_text(yaml.safe_dump(whole))

    def start(self, **settings: Any) -> None:
        self.write(**settings)
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "--config", str(self.config)],
            env=os.environ | {"NOTIFY_SOCKET": str(self.folder / "notify")},
            stderr=self._log,
        )

    def wait_for(self, notice: str) -> None:
        """Read notices until this one comes."""
        for _ in range(60):
            text = self._listener.recv(4096).decode()
            self.notices.append(text)
            if text == notice or text.startswith(f"{notice}\n"):
                return
        raise AssertionError(f"{notice} never came, but {self.notices}")

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def ended(self, within: float = 30) -> int:
        assert self.process is not None
        return self.process.wait(within)

    def log(self) -> list[dict[str, Any]]:
        text = (self.folder / "log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def get(self, path: str) -> httpx.Response:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.socket))) as client:
            return client.get(f"http://daemon{path}")

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._listener.close()
        self._log.close()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(prefix="gd-") as folder:
        daemon = Daemon(Path(folder))
        yield daemon
        daemon.close()


def test_it_says_when_it_is_ready_what_it_does_and_that_it_lives_and_stops(daemon: Daemon) -> None:
    daemon.start()
    daemon.wait_for("STATUS=hello")
    daemon.wait_for("READY=1")
    daemon.wait_for("WATCHDOG=1")
    daemon.wait_for("WATCHDOG=1")
    daemon.signal(signal.SIGTERM)
    daemon.wait_for("STOPPING=1")
    assert daemon.ended() == 0
    assert not daemon.socket.exists()
    assert [line["event"] for line in daemon.log()] == ["ready", "stopped"]
    assert {line["service"] for line in daemon.log()} == {"sample"}


def test_its_health_is_answered_on_its_socket(daemon: Daemon) -> None:
    daemon.start()
    daemon.wait_for("READY=1")
    assert (daemon.get("/live").status_code, daemon.get("/ready").status_code) == (200, 200)
    report = daemon.get("/health").json()
    assert (report["service"], report["state"], report["ready"]) == ("sample", "waiting", True)
    assert report["dependencies"]["peer"]["sentence"] == "The peer is away."
    metrics = daemon.get("/metrics").text
    assert 'guardian_dependency_state{dependency="peer"} 1.0' in metrics
    assert "guardian_ready 1.0" in metrics
    assert "process_resident_memory_bytes" in metrics
    daemon.signal(signal.SIGINT)
    assert daemon.ended() == 0


def test_work_that_does_not_stop_is_stopped(daemon: Daemon) -> None:
    daemon.start(manner="deaf")
    daemon.wait_for("READY=1")
    daemon.signal(signal.SIGTERM)
    daemon.wait_for("STOPPING=1")
    assert daemon.ended(within=STOP_SECONDS + 15) == 0
    assert "stop_forced" in [line["event"] for line in daemon.log()]


def test_a_wrong_configuration_is_refused_on_reload_and_the_old_one_goes_on(daemon: Daemon) -> None:
    daemon.start()
    daemon.wait_for("READY=1")
    daemon.write(greting="typo")
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("RELOADING=1")
    daemon.wait_for("READY=1")
    daemon.write(greeting="good evening")
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("STATUS=good evening")
    daemon.signal(signal.SIGTERM)
    assert daemon.ended() == 0
    refused = [line for line in daemon.log() if line["event"] == "config_refused"]
    assert [line["reason"] for line in refused] == ["config_invalid"]
    assert 'did you mean "greeting"?' in refused[0]["sentence"]
    assert "config_reloaded" in [line["event"] for line in daemon.log()]
    assert "STATUS=typo" not in daemon.notices


def test_its_status_says_that_a_changed_configuration_was_refused_until_one_is_taken(daemon: Daemon) -> None:
    daemon.start()
    daemon.wait_for("READY=1")
    daemon.write(greting="typo")
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("RELOADING=1")
    daemon.wait_for("READY=1")
    [said] = [notice for notice in daemon.notices if "refused" in notice]
    assert said.startswith("STATUS=hello; the changed configuration was refused: ")
    daemon.write(greeting="hello")
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("STATUS=hello")


def test_what_only_a_restart_takes_over_is_said_on_reload(daemon: Daemon) -> None:
    daemon.start()
    daemon.wait_for("READY=1")
    daemon.write(manner="deaf", log_level="error")
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("STATUS=hello; restart it to apply manner")
    daemon.write()
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("STATUS=hello")
    daemon.signal(signal.SIGTERM)
    assert daemon.ended() == 0
    # The first was said to be in force on level error, which hides it.
    assert [line["needs_restart"] for line in daemon.log() if line["event"] == "config_reloaded"] == [[]]


def test_a_daemon_that_cannot_go_on_says_why_and_fails(daemon: Daemon) -> None:
    daemon.start(manner="failing")
    assert daemon.ended() == 1
    text = (daemon.folder / "log").read_text()
    assert "guardian-sample: The peer refused us. Ask it why." in text
    assert [line["reason"] for line in daemon.log()] == ["peer_refused"]


def test_a_fault_of_our_own_is_not_hidden(daemon: Daemon) -> None:
    daemon.start(manner="crashing")
    assert daemon.ended() == 1
    assert "RuntimeError: a fault of ours" in (daemon.folder / "log").read_text()


def test_a_wrong_configuration_at_start_is_fatal_with_its_own_exit_status(daemon: Daemon) -> None:
    daemon.start(log_level="loud")
    assert daemon.ended() == 78
    assert [(line["event"], line["reason"]) for line in daemon.log()] == [("cannot_start", "config_invalid")]


def check(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--check", "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_configuration_can_be_checked_without_starting(daemon: Daemon) -> None:
    daemon.write()
    good = check(daemon.config)
    assert (good.returncode, good.stdout.strip()) == (0, f"{daemon.config}: good")
    daemon.write(manner="rude")
    bad = check(daemon.config)
    assert bad.returncode == 78
    assert "manner" in bad.stderr
    assert not daemon.socket.exists()


def test_a_daemon_whose_health_socket_cannot_be_opened_does_not_run_on_unseen(daemon: Daemon) -> None:
    daemon.start(run_dir=str(daemon.config / "no folder"))
    assert daemon.ended() == 1
    assert "READY=1" not in daemon.notices
    [line] = [line for line in daemon.log() if line["event"] == "stopped_by_error"]
    assert line["reason"] == "run_dir_unusable"


def test_a_path_too_long_for_a_socket_is_said(daemon: Daemon) -> None:
    daemon.start(run_dir=str(daemon.folder / ("long" * 40)))
    assert daemon.ended() == 1
    assert "107 bytes" in (daemon.folder / "log").read_text()
