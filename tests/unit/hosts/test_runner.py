"""What tests/host stands on: the runner with a real program at its other end, and the probe's unit."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.host.runner import Host, HostError, command_for
from tests.host.sandbox import probe_name, transform

_UNIT = """# /etc/systemd/system/guardian-camera@.service
[Unit]
Description=Camera %i
OnFailure=guardian-failure@%n.service

[Service]
Type=notify
# Why this is so.
User=guardian-camera
ExecStart=/opt/guardian/current/bin/guardian-camera \\
  # a comment between
  --config /etc/guardian/edge.yaml %i
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=30
SystemCallFilter=@system-service \\
  ~@privileged
RuntimeDirectory=guardian/camera@%i
ProtectSystem=strict

# /run/systemd/system/guardian-camera@.service.d/x.conf
[Service]
MemoryMax=1G
Restart=always

[Install]
WantedBy=guardian-edge.target
"""


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host("here", command_for("local"))
    yield host
    host.close()


def test_a_batch_of_questions_is_answered_in_order(host: Host, tmp_path: Path):
    path = str(tmp_path / "new" / "file")
    host.write(path, "words ü\n", 0o640)
    found, missing = host.describe(path, path + "x")
    assert found is not None
    assert (found.kind, found.mode, found.size, missing) == ("-", 0o640, 9, None)
    assert host.read(path) == "words ü\n"
    assert host.read(path + "x") is None
    host.remove(path)
    host.remove(path)
    assert host.walk(str(tmp_path / "new")) == []
    said = host.run_all(["cat", "/proc/sys/kernel/ostype"], ["false"], ["no-such-command"])
    assert [item.status for item in said] == [0, 1, -1]
    assert said[0].out == "Linux\n"


def test_a_command_that_must_end_well_and_does_not_is_an_error_with_its_words(host: Host):
    with pytest.raises(HostError, match="no/such/place"):
        host.run("ls", "/no/such/place")
    assert host.run("cat", text="through").out == "through"
    assert host.try_run("sleep", "10", timeout=0.2).status == -1


def test_a_walk_finds_modes_and_does_not_follow_links(host: Host, tmp_path: Path):
    (tmp_path / "loose").write_text("")
    (tmp_path / "loose").chmod(0o666)
    (tmp_path / "tight").write_text("")
    (tmp_path / "link").symlink_to("/etc")
    assert [Path(item.path).name for item in host.walk(str(tmp_path), bits=stat.S_IWOTH)] == ["loose"]
    assert {Path(item.path).name: item.target for item in host.walk(str(tmp_path), kinds="l")} == {"link": "/etc"}


def test_a_connection_that_is_gone_is_said_to_be(tmp_path: Path):
    host = Host("gone", [sys.executable, "-c", "pass"])
    with pytest.raises(HostError, match="closed"):
        for _ in range(2):
            host.run("true")
    host.close()


@pytest.mark.parametrize("address", ["", "node.example", "http://x", "ssh://-oProxyCommand=x", "ssh://host/path"])
def test_what_is_no_host_is_refused(address: str):
    with pytest.raises(HostError):
        command_for(address)


def test_nothing_of_an_address_reaches_a_shell():
    command = command_for("ssh://admin@node.example:2222")
    assert command[-3:-1] == ["--", "node.example"]
    assert command[-1].startswith("sudo -n -- python3 -uc '")


def test_the_probe_has_every_directive_but_those_that_run_the_daemon():
    text = transform(_UNIT, "guardian-camera-probe@front.service", {"loopback": "127.0.0.1"})
    kept, _, instead = text.partition("Type=oneshot")
    assert kept.split("\n") == [
        "[Service]",
        "User=guardian-camera",
        "SystemCallFilter=@system-service  ~@privileged",
        "RuntimeDirectory=guardian/camera@%i",
        "ProtectSystem=strict",
        "MemoryMax=1G",
        "",
    ]
    assert "guardian-camera --config" not in text
    assert instead.count("ExecStart=") == 1
    assert probe_name("guardian-camera@front.service") == "guardian-camera-probe@front.service"
    assert probe_name("guardian-uplink.service") == "guardian-uplink-probe.service"


def test_without_a_host_nothing_of_tests_host_is_collected():
    environment = {key: value for key, value in os.environ.items() if key != "HOST"}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/host"]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert "no tests" in done.stdout
