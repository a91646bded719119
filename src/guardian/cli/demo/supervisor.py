"""Starts, watches, restarts and ends the demo's processes: the part systemd plays on a real host."""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from guardian.common import log
from guardian.common.errors import GuardianError
from guardian.common.retry import Backoff

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_STOP_SECONDS = 6.0
_log = log.get(__name__)


class DemoError(GuardianError):
    """The demo cannot go on."""


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process `number` when its parent dies, however that happens."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(number))


@dataclass(frozen=True)
class Program:
    """One process of the demo."""

    name: str
    command: Sequence[str]
    log: Path
    # Health socket to wait for; None: ready as soon as it prints a line that starts with "ready".
    socket: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    restart: bool = True


class Supervisor:
    """Runs programs; none of them outlives this process."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._programs: dict[str, Program] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._order: list[str] = []
        self._stopping = asyncio.Event()

    def pid(self, name: str) -> int | None:
        """The process id of a running program."""
        process = self._processes.get(name)
        return process.pid if process and process.returncode is None else None

    async def start(self, program: Program, *, timeout: float = 60.0) -> None:
        """Start and wait until it is ready; DemoError with its last log lines when it is not."""
        self._programs[program.name] = program
        self._order.append(program.name)
        process = await self._spawn(program)
        await self._wait_ready(program, process, timeout)
        self._watchers[program.name] = asyncio.create_task(self._watch(program))

    async def run(self, program: Program, *, stdin: bytes = b"", timeout: float = 120.0) -> str:
        """Run a command to its end; its standard output. DemoError when it fails."""
        process = await asyncio.create_subprocess_exec(
            *program.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **program.environment},
            cwd=program.folder,
            preexec_fn=die_with_parent,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(stdin), timeout)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise DemoError(f"{program.name} did not end within {timeout:.0f} s.", reason="demo_slow") from None
        with program.log.open("ab") as file:
            # Standard output may hold a token or password: it is for the caller, not for a log.
            file.write(err)
        if process.returncode:
            raise DemoError(
                f"{program.name} failed (exit status {process.returncode}): {_last_line(err) or 'it said nothing'}",
                reason="demo_step_failed",
                hint=f"See {program.log}.",
            )
        return out.decode()

    async def stop(self) -> bool:
        """End everything, last started first; True when nothing had to be killed."""
        self._stopping.set()
        for watcher in self._watchers.values():
            watcher.cancel()
        clean = True
        for name in reversed(self._order):
            clean &= await self._end(name)
        return clean

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        if program.socket is not None:
            program.socket.unlink(missing_ok=True)
        with program.log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **program.environment},
                cwd=program.folder,
                # A group of its own: Ctrl-C reaches the demo alone, which then stops the rest in order.
                process_group=0,
                preexec_fn=die_with_parent,
            )
        self._processes[program.name] = process
        return process

    async def _wait_ready(self, program: Program, process: asyncio.subprocess.Process, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        offset = program.log.stat().st_size if program.log.exists() else 0
        while time.monotonic() < deadline:
            if process.returncode is not None:
                raise DemoError(
                    f"{program.name} ended at once (exit status {process.returncode}).",
                    reason="demo_daemon_ended",
                    hint=f"Its last words:\n{tail(program.log, 12)}",
                )
            if await _is_ready(program, offset):
                return
            await asyncio.sleep(0.05)
        raise DemoError(
            f"{program.name} was not ready within {timeout:.0f} s.",
            reason="demo_slow",
            hint=f"Its last words:\n{tail(program.log, 12)}",
        )

    async def _watch(self, program: Program) -> None:
        backoff = Backoff(initial=0.3, maximum=10)
        while not self._stopping.is_set():
            process = self._processes[program.name]
            started = time.monotonic()
            status = await process.wait()
            if self._stopping.is_set():
                return
            if not program.restart:
                self._say(f"{program.name} ended (exit status {status})")
                return
            self._say(f"{program.name} ended ({_ending(status)}); starting it again")
            if time.monotonic() - started > 30:
                backoff.reset()
            await asyncio.sleep(backoff.next())
            await self._spawn(program)

    async def _end(self, name: str) -> bool:
        process = self._processes.get(name)
        if process is None or process.returncode is not None:
            return True
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            _log.warning("stop_forced", program=name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            return False
        return True


def tail(path: Path, lines: int) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


async def _is_ready(program: Program, offset: int) -> bool:
    if program.socket is None:
        with contextlib.suppress(OSError), program.log.open("rb") as file:
            file.seek(offset)
            return any(line.startswith(b"ready") for line in file)
        return False
    if not program.socket.exists():
        return False
    try:
        transport = httpx.AsyncHTTPTransport(uds=str(program.socket))
        async with httpx.AsyncClient(transport=transport, timeout=2) as client:
            answer = await client.get("http://daemon/ready")
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def _last_line(data: bytes) -> str:
    lines = data.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _ending(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
