"""The process that a lab hangs on: PID 1 of its own namespaces.

Mounts, interfaces and processes of all hosts live in its mount, network and PID namespaces and have no name outside.
However it ends, by `down`, because its owner is gone or by SIGKILL, the kernel ends and unmounts all of it.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.lab import network
from tools.lab.places import ROOT, Refused, cgroup, cgroup_trees, run

_PR_SET_PDEATHSIG = 1


def start(owner: int) -> None:
    """Start a keeper and wait until its networks are up.

    Args:
        owner: the process with which the lab ends; 0 when it ends by `down` alone.
    """
    folder = run()
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.pidfd_open(owner) if owner else -1
    # Kept open: a keeper that fails sweeps its folder.
    with (folder / "keeper.log").open("w+b") as log:
        outer = subprocess.Popen(
            [sys.executable, "-m", "tools.lab.keeper", "outer", str(descriptor)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[descriptor] if owner else [],
        )
        for _ in range(200):
            if (folder / "ready").exists():
                return
            if outer.poll() is not None:
                break
            time.sleep(0.05)
        log.seek(0)
        raise Refused(f"The lab does not start: {log.read().decode(errors='replace')[-2000:]}")


def pid() -> int:
    """The running keeper, seen from outside; 0 when there is none."""
    try:
        number, began = (run() / "keeper").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 0
    return int(number) if _began(int(number)) == began else 0


def stop() -> None:
    """End the keeper and with it everything; then take away what has a name outside."""
    if number := pid():
        os.kill(number, signal.SIGKILL)
        while pid():
            time.sleep(0.02)
    sweep()


def sweep() -> None:
    """Remove control groups and files of a lab that runs no more, however it ended."""
    if pid():
        return
    for tree in cgroup_trees():
        top = tree / cgroup()
        for _ in range(100):
            # What another sweep removes meanwhile is no fault.
            for folder, _, _ in os.walk(top, topdown=False):
                _rmdir(Path(folder))
            if _rmdir(top):
                break
            time.sleep(0.05)
    shutil.rmtree(run(), ignore_errors=True)


def _rmdir(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _began(number: int) -> str:
    """A process's start time: with it a number names one process and no other."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    state, *rest = text.rpartition(")")[2].split()
    return "" if state in {"Z", "X"} else rest[18]


def dies_with_parent() -> Callable[[], object]:
    """For `preexec_fn`: the child does not outlive us, killed or not."""
    libc = ctypes.CDLL(None, use_errno=True)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


# A program whose processes and mounts end with it; whoever starts it so has it end with itself by `dies_with_parent`.
ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--propagation", "private")


def outer(descriptor: int) -> int:
    """Outside the namespaces: starts PID 1, writes down who it is, sweeps when it has ended."""
    command = ["unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    child = subprocess.Popen(
        [*command, sys.executable, "-m", "tools.lab.keeper", "inner", str(descriptor)],
        pass_fds=[descriptor] if descriptor >= 0 else [],
        preexec_fn=dies_with_parent(),  # noqa: PLW1509 - this process has one thread
    )
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    while child.poll() is None:
        if inner := children.read_text(encoding="ascii").split():
            (run() / "keeper").write_text(f"{inner[0]} {_began(int(inner[0]))}", encoding="ascii")
            break
        time.sleep(0.01)
    status = child.wait()
    sweep()
    return status


def inner(descriptor: int) -> int:
    """PID 1: waits for its owner's end, buries the dead."""
    signals = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    network.build()
    (run() / "ready").touch()
    while True:
        got = signal.sigtimedwait(signals, 1.0)
        if got is not None and got.si_signo == signal.SIGTERM:
            return 0
        if descriptor >= 0 and select.select([descriptor], [], [], 0)[0]:
            return 0
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


if __name__ == "__main__":
    sys.exit({"outer": outer, "inner": inner}[sys.argv[1]](int(sys.argv[2])))
