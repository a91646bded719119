"""The socket that systemd hands over: taken by a real process, refused where it is not one socket."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

TAKE = """
import os
from guardian.common.activation import inherited
os.environ["LISTEN_PID"] = os.environ.pop("ANYBODY", "") or str(os.getpid())
handed = inherited()
assert "LISTEN_FDS" not in os.environ
print(handed.getsockname() if handed else None, handed and handed.get_inheritable())
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with tempfile.TemporaryDirectory(prefix="ga-") as folder, socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(Path(folder) / "api.socket"))
        opened.listen()
        yield opened


def take(descriptor: int, count: str = "1", **variables: str) -> subprocess.CompletedProcess[str]:
    # As systemd does it: the socket is descriptor 3.
    code = f"import os, sys; os.dup2({descriptor}, 3); os.execv(sys.executable, [sys.executable, '-c', {TAKE!r}])"
    environ = {**os.environ, "LISTEN_FDS": count, **variables}
    return subprocess.run(
        [sys.executable, "-c", code],
        pass_fds=[descriptor],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_socket_handed_over_is_taken_and_not_passed_on(listener: socket.socket) -> None:
    assert take(listener.fileno()).stdout.split() == [listener.getsockname(), "False"]


def test_what_was_meant_for_another_process_is_left_alone(listener: socket.socket) -> None:
    assert take(listener.fileno(), ANYBODY="1").stdout.split() == ["None", "None"]
    assert take(listener.fileno(), count="0").stdout.split() == ["None", "None"]


def test_more_than_one_or_no_socket_is_refused(listener: socket.socket) -> None:
    assert "is not one socket" in take(listener.fileno(), count="2").stderr
    with (Path(listener.getsockname()).parent / "file").open("w") as file:
        assert "is not one socket" in take(file.fileno()).stderr
