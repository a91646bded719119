#!/usr/bin/python3
"""How a lab's hosts run Ansible's modules: as `python3` does, but nothing is read, compiled or imported twice.

A module comes as an archive of some fifty sources, which Python would compile and import anew for each task: that is
nine tenths of what a task costs on a host. `--serve` keeps one process that has imported them; each module is a fork of
it. What cannot be handed to that, such as a module that becomes another user, runs in a process of its own.
"""

import _imp
import atexit
import gc
import importlib
import marshal
import os
import signal
import socket
import struct
import sys
import traceback
import types
import zipimport
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

CACHE = "/run/lab-modules"
# tools/lab/module_client.py knows it too, and puts the archive of Ansible's own modules beside this file.
SOCKET = "/run/lab-modules.sock"
ARCHIVE = "/srv/guardian/ansible.zip"
LENGTH = struct.Struct(">Q")
# What most modules import.
COMMON = ("ansible.module_utils.basic", "ansible.module_utils._internal._ansiballz._loader", "ansible.modules", "runpy")
SHARED = ("base64", "json", "pwd", "grp", "shutil", "subprocess", "tempfile", "zipfile")


def cached(compiled: Callable[[str, bytes], CodeType]) -> Callable[[str, bytes], CodeType]:
    """Zipimport's compiler, which looks in CACHE first."""

    def compile_once(pathname: str, source: bytes) -> CodeType:
        kept = f"{CACHE}/{_imp.source_hash(0, source).hex()}"
        try:
            with open(kept, "rb") as file:
                kept_code: CodeType = marshal.loads(file.read())  # noqa: S302 - nobody but root writes there
                return kept_code
        except (OSError, EOFError, ValueError):
            code = compiled(pathname, source)
        os.makedirs(CACHE, mode=0o700, exist_ok=True)
        with open(f"{kept}.{os.getpid()}", "wb") as file:
            file.write(marshal.dumps(code))
        os.replace(f"{kept}.{os.getpid()}", kept)
        return code

    return compile_once


def become(name: str, source: bytes) -> None:
    """Be the program, as `python3` itself would: it finds itself as `__main__`."""
    program = types.ModuleType("__main__")
    program.__dict__.update({"__file__": name, "__builtins__": __builtins__})
    sys.modules["__main__"] = program
    exec(compile(source, name, "exec"), program.__dict__)  # noqa: S102


def serve() -> None:
    """Import what modules need, then go into the background and fork for each that comes."""
    sys.path.insert(0, ARCHIVE)
    for name in (*SHARED, *COMMON):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    waiting = f"{SOCKET}.{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listening:
        os.umask(0o077)
        listening.bind(waiting)
        listening.listen(64)
        os.replace(waiting, SOCKET)
        os.umask(0o022)
        # From here on the host's first process is its parent: nsenter, which started it, would not end with the host.
        if os.fork():
            os._exit(0)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nowhere, number)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            asking, _ = listening.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listening.close()
                answer(asking)
                os._exit(0)
            asking.close()


def answer(asking: socket.socket) -> None:
    """Run one module in a process of its own; send its status and what it wrote, each behind its length."""
    with asking, asking.makefile("rwb") as wire:
        (length,) = LENGTH.unpack(wire.read(LENGTH.size))
        files = [os.memfd_create(word) for word in ("stdin", "stdout", "stderr")]
        source = wire.read(length)
        child = os.fork()
        if child == 0:
            wire.close()
            asking.close()
            os._exit(run(source, files))
        _, status = os.waitpid(child, 0)
        said = [str(os.waitstatus_to_exitcode(status)).encode()]
        for number in files[1:]:
            os.lseek(number, 0, os.SEEK_SET)
            with open(number, "rb") as written:
                said.append(written.read())
        for part in said:
            wire.write(LENGTH.pack(len(part)) + part)


def run(source: bytes, files: list[int]) -> int:
    """The module's exit status."""
    for place, number in enumerate(files):
        os.dup2(number, place)
        os.close(number)
    os.setsid()
    sys.argv = ["-"]
    status = 0
    try:
        become("-", source)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except Exception:  # noqa: BLE001 - as at the end of any program: told, and status 1
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status & 0xFF


def main() -> None:
    """Serve, or become the program on standard input, or the one that is named."""
    importer: Any = zipimport
    # A module that becomes another user cannot read what root keeps.
    if os.geteuid() == 0:
        importer._compile_source = cached(importer._compile_source)
    del sys.argv[0]
    if sys.argv == ["--serve"]:
        serve()
    name = sys.argv[0] if sys.argv else "-"
    source = Path(name).read_bytes() if sys.argv else sys.stdin.buffer.read()
    sys.argv = sys.argv or ["-"]
    become(name, source)


if __name__ == "__main__":
    main()
