"""Hands Ansible's modules to a host's tools/lab/modules.py, which is started when there is none."""

import fcntl
import socket
import subprocess
import zipfile
from pathlib import Path
from typing import IO, cast

import ansible
from ansible.release import __version__
from tools.lab import hosts
from tools.lab.modules import ARCHIVE, LENGTH, SOCKET
from tools.lab.places import SUPPLIES, Refused, run

INTERPRETER = "/srv/guardian/python3"
# As Ansible asks a shell for a module with nothing before it: no other user, no environment.
COMMAND = f"/bin/sh -c '{INTERPRETER} && sleep 0'"


def archive() -> None:
    """Make what hosts import: all of Ansible that may run on a host."""
    target = SUPPLIES / Path(ARCHIVE).name
    top = Path(ansible.__file__).parent
    made = target.with_suffix(".new")
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("ansible/__init__.py", f"__version__ = {__version__!r}\n__author__ = 'Ansible, Inc.'\n")
        for folder in ("module_utils", "modules"):
            for path in sorted((top / folder).rglob("*.py")):
                file.write(path, path.relative_to(top.parent))
    made.replace(target)


def call(host: str, source: bytes) -> tuple[int, bytes, bytes]:
    """Run a module there: its status, what it wrote, and its complaints. Raises Refused, and OSError when it is cut."""
    with _connected(host) as connection, connection.makefile("rwb") as wire:
        wire.write(LENGTH.pack(len(source)) + source)
        wire.flush()
        status, out, complaints = (_part(cast(IO[bytes], wire)) for _ in range(3))
    return int(status), out, complaints


def _part(wire: IO[bytes]) -> bytes:
    length = wire.read(LENGTH.size)
    if len(length) < LENGTH.size:
        raise OSError("The host ended while a module ran.")
    return wire.read(LENGTH.unpack(length)[0])


def _connected(host: str) -> socket.socket:
    found = _try(host)
    if found is not None:
        return found
    with (run() / f"modules-{host}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = _try(host)
        if found is not None:
            return found
        _start(host)
        found = _try(host)
    if found is None:
        raise Refused(f"{host} takes no modules, though `{INTERPRETER} --serve` began there.")
    return found


def _try(host: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(f"/proc/{hosts.leader(host)}/root{SOCKET}")
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    return connection


def _start(host: str) -> None:
    """It listens once its command ends."""
    command = hosts.inside(host, [INTERPRETER, "--serve"])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", check=False)
    if done.returncode:
        raise Refused(f"{host} takes no modules: {done.stderr.strip()[-500:]}")
