"""Steps of a long build: a line each, on a terminal with the percents that the program in hand tells of itself."""

import os
import pty
import re
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tools.lab.places import Refused

# As mksquashfs, zstd, qemu-img ("(12.34/100%)") and xorriso write it.
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
