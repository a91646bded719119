"""Steps of a long build: a line each, on a terminal with the percents that the program in hand tells of itself."""

import os
import pty
import re
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.lab.places import Refused

_TASK = re.compile(rb"TASK \[([^\]\n]+)\]")
# Columns for a task's name.
_WIDTH = 50
# As mksquashfs, qemu-img ("(12.34/100%)") and xorriso write it. zstd's are a ratio: it is not asked.
_PERCENT = re.compile(rb"(\d{1,3})(?:\.\d+)?(?:/100)?% ?")


@contextmanager
def step(what: str) -> Iterator[None]:
    """A line on the screen, with its seconds."""
    began = time.monotonic()
    print(f"  {what} … ", end="", flush=True)
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - began:.0f} s", flush=True)


def run(*command: str) -> None:
    """Run a program, its percents at the end of the line; what it says is shown when it fails. Raises Refused."""
    status, said = _watched(command) if sys.stdout.isatty() else _plain(command)
    if status:
        raise Refused(f"`{' '.join(command[:3])} …` failed:\n{said.decode('utf-8', 'replace').strip()[-1500:]}")


def follow(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait for a play that writes `log`, its task in hand at the end of the line on a terminal; its exit status."""
    shown = sys.stdout.isatty()
    try:
        while process.poll() is None:
            if shown:
                _overwrite(task(log))
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
    except BaseException:
        # Packer puts its machine away; what does not listen is ended.
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        raise
    if shown:
        _overwrite("")
    return process.returncode


def _overwrite(text: str) -> None:
    print(f"{text[:_WIDTH]:{_WIDTH}}" + "\b" * _WIDTH, end="", flush=True)


def task(log: Path) -> str:
    """The last task that Ansible began, by its own log; nothing when there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 65536))
        found = _TASK.findall(file.read())
    return found[-1].decode("utf-8", "replace") if found else ""


def percent(said: bytes) -> int | None:
    """The last percent that a program told; None when it told none."""
    found = _PERCENT.findall(said)
    return min(int(found[-1]), 100) if found else None


def _plain(command: tuple[str, ...]) -> tuple[int, bytes]:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode, done.stdout


def _watched(command: tuple[str, ...]) -> tuple[int, bytes]:
    """On a terminal of its own: most programs tell percents to nothing else."""
    ours, theirs = pty.openpty()
    # Some draw nothing where there is no room.
    termios.tcsetwinsize(theirs, (24, 80))
    said, shown = b"", None
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        while piece := _read(ours):
            said = (said + piece)[-65536:]
            now = percent(piece)
            if now is not None and now != shown:
                shown = now
                print(f"{now:3d} %\b\b\b\b\b", end="", flush=True)
    os.close(ours)
    return process.returncode, said


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        # Linux's way to say that nobody is left at the other end.
        return b""
