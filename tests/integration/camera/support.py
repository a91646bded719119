"""What the camera tests share: a household, an edge's folders, the simulated camera, the daemon as a process."""

import asyncio
import io
import json
import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import yaml

from guardian.common import kept
from guardian.edge.config import EdgeConfig
from guardian.edge.identity import IdentityFile, parts
from guardian.vault import roster as vault_roster
from guardian.vault import roster_author
from guardian.vault.encoding import new_id
from guardian.vault.identity import Keys
from guardian.vault.reader import BytesSource, SealedObject, open_object
from guardian.vault.roster import Roster
from guardian.vault.roster_form import Edge

ROOT = Path(__file__).resolve().parents[3]
SERVE = ROOT / "tools" / "camera" / "serve.py"


class Household:
    """An owner and her edge, as browser and enrolment make them."""

    def __init__(self) -> None:
        owner, self.edge_keys, self.edge = Keys.generate(), Keys.generate(), new_id()
        self.author, first = roster_author.genesis("Owner", owner)
        self.roster = Roster.verify([first])
        self.add_edge()

    def add_edge(self) -> None:
        edge = Edge(id=self.edge, name="Home", sign=self.edge_keys.sign_public, receive=self.edge_keys.receive_public)
        self.roster = self.roster.extend([roster_author.add_edge(self.roster, self.author, edge)])

    def new_epoch(self) -> None:
        self.roster = self.roster.extend([roster_author.new_epoch(self.roster, self.author)])

    def open(self, path: Path) -> SealedObject:
        """A sealed clip, opened with the owner's keys."""
        epochs = roster_author.open_epochs(self.roster, self.author)
        return open_object(BytesSource(path.read_bytes()), self.roster, epochs, edge=self.edge, kind="clip")


def movie(clip: SealedObject) -> bytes:
    """A clip's clear bytes, every part checked."""
    return b"".join(clip.content())


def pictures(data: bytes) -> list[bytes]:
    """Its decoded pictures in the order they are shown."""
    with av.open(io.BytesIO(data), "r") as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]


class SimulatedCamera:
    """`tools/camera/serve.py` as a process."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.port = 0
        self.start()

    def start(self) -> None:
        """Also again, on the same port."""
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(SERVE), "--stdin", "--port", str(self.port), *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), "the simulated camera does not start"
        self.port = int(line.split()[1])

    def command(self, text: str) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(text + "\n")
        ready, _, _ = select.select([self.process.stdout], [], [], 10)
        assert ready and self.process.stdout.readline() == "ok\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass
class EdgeFolders:
    """State, run and camera folders of one edge."""

    base: Path
    run: Path
    household: Household = field(default_factory=Household)

    def __post_init__(self) -> None:
        (self.base / "cameras.d").mkdir(parents=True)
        (self.base / "state" / "uplink").mkdir(parents=True)
        file = IdentityFile(tenant="t1", edge=self.household.edge, name="Home", gateway="127.0.0.1:1")
        state = self.base / "state"
        kept.put(state, parts(state, file, self.household.edge_keys, tls_key=b"", tls_certificate=b"", ca=b""))
        self.write_roster()

    @property
    def settings(self) -> EdgeConfig:
        return EdgeConfig(
            state_dir=self.base / "state", run_dir=self.run, cameras_dir=self.base / "cameras.d", log_level="info"
        )

    def write_roster(self) -> None:
        target = self.base / "state" / "uplink" / "roster.json"
        aside = target.with_suffix(".new")
        aside.write_bytes(vault_roster.to_json(self.household.roster.entries))
        aside.replace(target)

    def write_camera(self, url: str, **more: Any) -> None:
        text = yaml.safe_dump({"name": "Front door", "path": url, **more})
        (self.base / "cameras.d" / "front.yaml").write_text(text)

    def write_edge(self, **more: Any) -> Path:
        path = self.base / "edge.yaml"
        folders = {"state_dir": str(self.base / "state"), "run_dir": str(self.run)}
        path.write_text(yaml.safe_dump({**folders, "cameras_dir": str(self.base / "cameras.d"), **more}))
        return path

    @property
    def camera(self) -> Path:
        return self.base / "state" / "cameras" / "front"

    def clips(self) -> list[dict[str, Any]]:
        """Rows of the index, oldest first, as another daemon reads them."""
        if not (self.camera / "index.db").exists():
            return []
        connection = sqlite3.connect(f"file:{self.camera / 'index.db'}?mode=ro", uri=True)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM clips ORDER BY start")]
        except sqlite3.OperationalError:
            # Being made this moment.
            return []
        finally:
            connection.close()

    def open(self, row: dict[str, Any]) -> SealedObject:
        return self.household.open(self.camera / row["path"])


class CameraDaemon:
    """`guardian-camera front` as a process; its log is kept."""

    def __init__(
        self, config: Path, run_dir: Path, log_file: Path, *, before: Sequence[str] = (), **environ: str
    ) -> None:
        self._socket = run_dir / "camera@front" / "health.sock"
        self._log = log_file
        with log_file.open("ab") as output:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "guardian.edge.camera.main", "front", "--config", str(config)],
                stderr=output,
                stdout=output,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environ},
            )

    def health(self) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self._socket))
            connection.sendall(b"GET /health HTTP/1.0\r\nHost: daemon\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        body: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
        return body

    def dependency(self, name: str) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self.health()["dependencies"].get(name, {})
        except OSError:
            return {}
        return answer

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def log_text(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def running(folders: EdgeFolders, **edge: Any) -> Iterator[CameraDaemon]:
    daemon = CameraDaemon(folders.write_edge(**edge), folders.run, folders.base / "camera.log")
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.kill()


def wait_for(what: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Poll until it is true; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := what():
            return value
        time.sleep(0.1)
    raise AssertionError("it did not come to pass in time")


async def await_for(what: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The same for tests that serve something on the loop meanwhile."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := await asyncio.to_thread(what):
            return value
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come to pass in time")
