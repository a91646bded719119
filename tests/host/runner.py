"""A live host to be asked: `ssh://user@host[:port]`, `local`, or `lab:NAME` (molecule/README.md).

`make test` never runs tests/host: there is no such host there. `make host-test HOST=…` does, and so does every
molecule scenario's verify. One connection is kept for all tests; a Python program at its other end (agent.py) answers
batches of questions, so that hundreds cost seconds.
"""

import base64
import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
_BOOTSTRAP = "import json,sys;exec(json.loads(sys.stdin.readline()))"


class HostError(Exception):
    """The host cannot be asked, or could not do what it was asked to."""


@dataclass(frozen=True)
class Result:
    """How a command on the host ended."""

    argv: tuple[str, ...]
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it printed, without empty lines."""
        return [line for line in self.out.splitlines() if line.strip()]


@dataclass(frozen=True)
class Entry:
    """A file, folder or link of the host; `kind` as `ls -l` begins, `mode` without the kind."""

    path: str
    kind: str
    mode: int
    owner: str
    group: str
    size: int
    target: str


class Host:
    """The connection. Everything is done as root."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [*command],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,
            text=True,
            encoding="utf-8",
        )
        self._say(json.dumps((HERE / "agent.py").read_text("utf-8")))

    def batch(self, *questions: tuple[str, dict[str, Any]]) -> list[Any]:
        """Several deeds of agent.py for one round trip."""
        with self._lock:
            self._say(json.dumps(questions))
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
        if not line:
            raise HostError(f"The connection to {self.name} is closed (status {self._process.wait()}).")
        said = json.loads(line)
        if "fault" in said:
            raise HostError(said["fault"])
        return list(said["answer"])

    def try_run(self, *argv: str, text: str = "", timeout: float = 60, env: dict[str, str] | None = None) -> Result:
        """A command, however it ends."""
        question = {"argv": argv, "text": text, "timeout": timeout, "env": env}
        return _result(argv, self.batch(("run", question))[0])

    def run(self, *argv: str, text: str = "", timeout: float = 60) -> Result:
        """A command that must end well."""
        result = self.try_run(*argv, text=text, timeout=timeout)
        if result.status:
            raise HostError(f"{shlex.join(argv)} ended with {result.status} on {self.name}: {result.err or result.out}")
        return result

    def run_all(self, *commands: Sequence[str]) -> list[Result]:
        """Several commands for one round trip, however they end."""
        answers = self.batch(*(("run", {"argv": list(argv)}) for argv in commands))
        return [_result(tuple(argv), answer) for argv, answer in zip(commands, answers, strict=True)]

    def read(self, path: str) -> str | None:
        """A file's text; None when there is none."""
        data = self.batch(("read", {"path": path}))[0]
        return None if data is None else base64.b64decode(data).decode("utf-8", "replace")

    def write(self, path: str, data: str | bytes, mode: int = 0o644) -> None:
        """Replace a file, and make its folder."""
        raw = data.encode() if isinstance(data, str) else data
        self.batch(("write", {"path": path, "data": base64.b64encode(raw).decode(), "mode": mode}))

    def remove(self, path: str) -> None:
        """A file, if it is there."""
        self.batch(("remove", {"path": path}))

    def describe(self, *paths: str) -> list[Entry | None]:
        """None for what is not there."""
        answers = self.batch(*(("describe", {"path": path}) for path in paths))
        return [Entry(**item) if item else None for item in answers]

    def walk(self, top: str, *, bits: int = 0, same_device: bool = True, kinds: str = "") -> list[Entry]:
        """What lies below `top`; only what has one of the mode's `bits`, only `kinds`."""
        question = {"top": top, "bits": bits, "same_device": same_device, "kinds": kinds}
        return [Entry(**item) for item in self.batch(("walk", question))[0]]

    def accounts(self) -> dict[str, Any]:
        """`users` and `groups` of the host."""
        return dict(self.batch(("accounts", {}))[0])

    def close(self) -> None:
        """Hang up."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise HostError(f"The connection to {self.name} is closed.") from error


def connect(address: str) -> Host:
    """Raises HostError when the address is none, or nobody answers as root."""
    host = Host(address, command_for(address))
    try:
        if host.run("id", "-u").out.strip() != "0":
            raise HostError(f"{address}: the tests look at what is root's alone; log in as root or allow sudo.")
    except HostError:
        host.close()
        raise
    return host


def command_for(address: str) -> list[str]:
    """What opens a connection to `address`."""
    python = ["python3", "-uc", _BOOTSTRAP]
    if address == "local":
        return python
    if address.startswith("lab:"):
        return [sys.executable, "-m", "tools.lab", "exec", address.removeprefix("lab:"), *python]
    parts = urlsplit(address)
    if parts.scheme != "ssh" or not parts.hostname or parts.path or parts.hostname.startswith("-"):
        raise HostError(f"{address!r} is no host: say ssh://user@host, lab:NAME or local.")
    user = parts.username or "root"
    become = [] if user == "root" else ["sudo", "-n", "--"]
    port = ["-p", str(parts.port)] if parts.port else []
    there = shlex.join([*become, *python])
    return ["ssh", "-T", "-o", "BatchMode=yes", *port, "-l", user, "--", parts.hostname, there]


def _result(argv: Sequence[str], answer: dict[str, Any]) -> Result:
    return Result(tuple(argv), answer["status"], answer["out"], answer["err"])
