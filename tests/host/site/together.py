"""What several stories of a site need: the home's line, what waits on the edge, plays, and how long who was away."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, Self

from tests.host.runner import ROOT, Host
from tests.host.site.household import Owner
from tools.lab.__main__ import entering
from tools.lab.places import BUILD

# Ids of every event in the edge's outbox that its node has not acknowledged yet.
_WAITING = """
import json, sqlite3
where = "/var/lib/guardian/"
with sqlite3.connect(f"file:{where}uplink/uplink.db?mode=ro", uri=True) as store:
    cursor = max([row[0] for row in store.execute("SELECT position FROM cursor")], default=0)
with sqlite3.connect(f"file:{where}analyzer/events.db?mode=ro", uri=True) as store:
    rows = store.execute("SELECT DISTINCT event_id FROM outbox WHERE position > ?", (cursor,))
    print(json.dumps([row[0] for row in rows]))
"""
# Ids of every event the edge keeps.
_MADE = """
import json, sqlite3
with sqlite3.connect("file:/var/lib/guardian/analyzer/events.db?mode=ro", uri=True) as store:
    print(json.dumps([row[0] for row in store.execute("SELECT id FROM events UNION SELECT event_id FROM outbox")]))
"""
# Asks a daemon four times a second whether it is ready; prints the longest stretch without a yes when it is ended.
_WATCH = """
import http.client, json, signal, socket, sys, time
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(1)
        self.sock.connect(sys.argv[1])
last, longest = time.monotonic(), 0.0
def end(*_):
    open(sys.argv[2], "w").write(json.dumps(max(longest, time.monotonic() - last)))
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
while True:
    try:
        asked = Unix("guardian")
        asked.request("GET", "/ready")
        if asked.getresponse().status == 200:
            now = time.monotonic()
            longest, last = max(longest, now - last), now
    except OSError:
        pass
    time.sleep(0.25)
"""


def version(host: Host) -> str:
    """The release in force."""
    return host.run("readlink", "/opt/guardian/current").out.strip().rpartition("/")[2]


def plug(state: str) -> None:
    """The home's line to the internet: `in` or `out`."""
    subprocess.run([*entering(), sys.executable, "-m", "tools.lab", "plug", state], cwd=ROOT, check=True)


def waiting(edge: Host) -> set[str]:
    """Events that the node does not have yet."""
    return set(json.loads(edge.run("python3", "-c", _WAITING).out))


def made(edge: Host) -> set[str]:
    """Events that the edge keeps, sent or not."""
    return set(json.loads(edge.run("python3", "-c", _MADE).out))


def running(host: Host) -> set[str]:
    """The releases of the daemons that run."""
    said = json.loads(host.try_run("guardian", "status", "--json").out)
    return {daemon["version"] for daemon in said["daemons"]}


async def all_there(owner: Owner, wanted: set[str]) -> bool:
    """Whether the control plane shows all of these."""
    return wanted <= {item["id"] for item in await owner.events()}


async def none_twice(owner: Owner) -> bool:
    """Whether each event is there once."""
    ids = [item["id"] for item in await owner.events()]
    return len(ids) == len(set(ids))


def play(playbook: str, *words: str, **variables: Any) -> "subprocess.CompletedProcess[str]":
    """A playbook on the whole site, however it ends."""
    command = [sys.executable, "-m", "tools.lab", "play", playbook, *words, "-e", json.dumps(variables)]
    # Molecule has Ansible tell of failures on the other one.
    return subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )


def play_until_turned(host: Host, playbook: str, **variables: Any) -> None:
    """A playbook that is killed, with all its processes, as soon as another release is linked on the host."""
    before = version(host)
    command = [sys.executable, "-m", "tools.lab", "play", playbook, "-e", json.dumps(variables)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while version(host) == before:
            assert process.poll() is None, "it ended before another release was linked"
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)


class Watch:
    """How long a daemon of a host was not ready, at the longest; between `with` and its end."""

    def __init__(self, host: Host, daemon: str) -> None:
        self.host = host
        self.socket = f"/run/guardian/{daemon}/health.sock"
        self.unit = f"lab-watch-{daemon.partition('@')[0]}"
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self.host.run(
            *("systemd-run", "--quiet", f"--unit={self.unit}", "python3", "-c", _WATCH, self.socket),
            f"/run/{self.unit}.json",
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.host.run("systemctl", "stop", self.unit)
        self.seconds = round(float(self.host.read(f"/run/{self.unit}.json") or "nan"), 1)


def note(**figures: Any) -> None:
    """Keep figures in build/lab/figures.json."""
    file = BUILD / "figures.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps(known | figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
