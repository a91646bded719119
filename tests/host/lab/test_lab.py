"""A lab leaves nothing behind, however it ends; and its hosts are alone with each other."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.host.runner import ROOT
from tools.lab import keeper, places

LAB = "killed"
COMMAND = [sys.executable, "-m", "tools.lab"]


@dataclass(frozen=True)
class Traces:
    """What of a lab can be seen from outside."""

    processes: list[str]
    mounts: list[str]
    interfaces: list[str]
    namespaces: list[str]
    groups: list[str]
    folder: bool


NOTHING = Traces([], [], [], [], [], folder=False)


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GUARDIAN_LAB", LAB)
    keeper.stop()
    yield
    keeper.stop()


def lab(*words: str) -> str:
    """A command of the lab that must end well."""
    return subprocess.run([*COMMAND, *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def traces() -> Traces:
    """All of them, now."""
    folder, group = str(places.run()), places.cgroup()
    processes = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode(errors="replace")
            groups = (path / "cgroup").read_text()
        except OSError:
            continue
        if group in groups or folder in words:
            processes.append(words)
    interfaces = json.loads(subprocess.run(["ip", "-j", "link"], check=True, capture_output=True, text=True).stdout)
    names = {"internet", "lan", "wan", "to-home", "to-node", "to-edge"}
    return Traces(
        processes,
        [line for line in Path("/proc/self/mounts").read_text().splitlines() if folder in line],
        [item["ifname"] for item in interfaces if item["ifname"] in names],
        [path.name for path in Path("/run/netns").glob("*") if path.name in {"home", "node", "edge"}],
        [str(tree / group) for tree in places.cgroup_trees() if (tree / group).exists()],
        places.run().exists(),
    )


def gone_within(seconds: float) -> Traces:
    """What is left after at most that long."""
    end = time.monotonic() + seconds
    while (left := traces()) != NOTHING and time.monotonic() < end:
        time.sleep(0.1)
    return left


def test_hosts_are_seen_while_they_run_and_not_after_down():
    lab("up", "node")
    assert traces().processes and traces().groups
    # Even now: nothing of it has a name outside.
    assert (traces().mounts, traces().interfaces, traces().namespaces) == ([], [], [])
    lab("down")
    assert traces() == NOTHING
    lab("down")


def test_a_killed_keeper_takes_everything_with_it():
    lab("up", "node")
    lab("up", "edge")
    os.kill(keeper.pid(), signal.SIGKILL)
    assert gone_within(15) == NOTHING


def test_a_killed_watcher_leaves_empty_control_groups_for_the_next_run_to_remove():
    lab("up", "node")
    unshare = parent(keeper.pid())
    os.kill(parent(unshare), signal.SIGKILL)
    end = time.monotonic() + 15
    while traces().processes and time.monotonic() < end:
        time.sleep(0.1)
    left = traces()
    assert (left.processes, left.mounts, left.interfaces, left.namespaces) == ([], [], [], [])
    lab("up", "node")
    assert lab("exec", "node", "systemctl", "is-system-running").strip() in {"running", "degraded"}


def test_a_lab_ends_with_the_process_that_owns_it_even_when_that_is_killed():
    owner = subprocess.Popen(["sleep", "600"])
    try:
        lab("up", "node", "--owner", str(owner.pid))
    finally:
        owner.kill()
        owner.wait()
    assert gone_within(15) == NOTHING


def test_a_nspawn_that_is_killed_takes_its_host_along_and_the_host_can_be_booted_again():
    lab("up", "node")
    lab("exec", "node", "touch", "/var/lib/kept")
    supervisor = json.loads((places.run() / "hosts/node/host.json").read_text())["supervisor"]
    lab("enter", "kill", "-9", str(supervisor))
    end = time.monotonic() + 15
    while " off " not in lab("list") and time.monotonic() < end:
        time.sleep(0.1)
    lab("up", "node")
    lab("exec", "node", "test", "-e", "/var/lib/kept")


def test_hosts_reach_each_other_as_at_home_and_nobody_else():
    lab("up", "node")
    lab("up", "edge")
    lab("exec", "edge", "ping", "-c1", "-W2", "node")
    lab("exec", "edge", "ping", "-c1", "-W2", "camera")
    for host, address in (("node", "edge"), ("node", "198.51.100.1"), ("edge", "198.51.100.1")):
        assert subprocess.run([*COMMAND, "exec", host, "ping", "-c1", "-W1", address], cwd=ROOT, check=False).returncode
    lab("plug", "out")
    assert subprocess.run([*COMMAND, "exec", "edge", "ping", "-c1", "-W1", "node"], cwd=ROOT, check=False).returncode
    lab("exec", "edge", "ping", "-c1", "-W2", "camera")
    lab("plug", "in")
    lab("exec", "edge", "ping", "-c1", "-W5", "node")


def test_a_frozen_host_goes_on_where_it_was_as_often_as_one_likes():
    lab("up", "node")
    lab("exec", "node", "sh", "-c", "echo kept > /etc/kept; rm /etc/netconfig /etc/issue")
    lab("freeze", "node", "tried")
    for _ in range(2):
        lab("up", "node", "--layer", "tried/node")
        assert lab("exec", "node", "cat", "/etc/kept") == "kept\n"
        lab("exec", "node", "sh", "-c", "test ! -e /etc/issue; echo other > /etc/kept")
        lab("down", "node")


def parent(number: int) -> int:
    """A process's parent."""
    return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
