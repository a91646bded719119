"""What systemd hears, over a socket of its kind."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardian.common.notify import Notifier


@pytest.fixture(params=["file", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "file" else f"@guardian-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        listening.settimeout(5)
        yield listening


def test_each_message_arrives_whole(systemd: socket.socket) -> None:
    notifier = Notifier()
    notifier.tell("RELOADING=1\nMONOTONIC_USEC=7")
    notifier.tell("STATUS=15 fps, élan")
    assert systemd.recv(4096) == b"RELOADING=1\nMONOTONIC_USEC=7"
    assert systemd.recv(4096).decode() == "STATUS=15 fps, élan"
    notifier.close()


@pytest.mark.parametrize("address", ["", "vsock:2:9999", "/nobody/listens/here"])
def test_without_systemd_it_is_silent(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notifier = Notifier()
    notifier.tell("READY=1")
    notifier.close()
    assert notifier._socket is None
