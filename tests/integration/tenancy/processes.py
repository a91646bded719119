"""Daemons as processes of the tests.

The demo's supervisor is not used: it runs code between fork and exec, and gRPC in the forking process, which these
tests have, breaks the child there. `setpriv` sets what has to be set after the exec.
"""

import asyncio
import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx

BIN = Path(sys.executable).parent
PATIENCE = 90.0
# None of them outlives the tests, even when those are killed.
WRAPPED = ("setpriv", "--pdeathsig", "KILL")


@dataclass
class Processes:
    """Started here, ended here."""

    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self, command: list[str], log: Path, socket: Path) -> asyncio.subprocess.Process:
        """Start a daemon and wait until its health socket says that it is ready."""
        process = await spawn(command, log)
        self.running.append(process)
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not await is_ready(socket):
            assert process.returncode is None, f"{command[0]} ended at once: {log.read_text()[-2000:]}"
            said = f"{command[0]} is not ready: {log.read_text()[-2000:]}"
            assert asyncio.get_running_loop().time() < deadline, said
            await asyncio.sleep(0.2)
        return process

    async def stop(self) -> None:
        """All at once: what one of them says about another's end is of no interest."""
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        await asyncio.gather(*(_end(process) for process in self.running))
        self.running.clear()


async def spawn(command: list[str], log: Path) -> asyncio.subprocess.Process:
    """A console script with its output in a file."""
    with log.open("ab") as file:
        return await asyncio.create_subprocess_exec(
            *WRAPPED, str(BIN / command[0]), *command[1:], stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file
        )


async def run(command: list[str]) -> tuple[int, str]:
    """A console script to its end: exit status and all it said."""
    process = await asyncio.create_subprocess_exec(
        str(BIN / command[0]),
        *command[1:],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def is_ready(socket: Path) -> bool:
    """Whether a daemon says so."""
    if not socket.exists():
        return False
    try:
        transport = httpx.AsyncHTTPTransport(uds=str(socket), verify=False, trust_env=False)
        async with httpx.AsyncClient(transport=transport, timeout=10) as client:
            return (await client.get("http://daemon/ready")).status_code == 200
    except httpx.HTTPError:
        return False


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), 20)
    except TimeoutError:
        process.kill()
        await process.wait()
