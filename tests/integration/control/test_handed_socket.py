"""The API on a socket that the service manager keeps open: a restart refuses nobody."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from tests.integration.control.test_daemons import MAINS, config  # noqa: F401

from guardian.control.config import DatabaseSection

RESTARTS, ASKING = 3, 8


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[socket.socket]:
    """What a .socket unit is: opened once, by somebody who outlives the daemon."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "api.socket"))
        listener.listen(4096)
        yield listener


def start(config: Path, kept: socket.socket) -> subprocess.Popen[bytes]:  # noqa: F811
    code = f"import os; os.environ['LISTEN_PID'] = str(os.getpid()); from {MAINS['api']} import main; main()"
    # As systemd does it: the socket is descriptor 3, and the process that is started is the one it is meant for.
    run = f"os.execv(sys.executable, [sys.executable, '-c', {code!r}, *sys.argv[1:]])"
    first = f"import os, sys; os.dup2({kept.fileno()}, 3); {run}"
    with (config.parent / "api.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", first, "--config", str(config)],
            pass_fds=[kept.fileno()],
            env={**os.environ, "LISTEN_FDS": "1"},
            stderr=log,
        )


async def answers(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("http://api/api/v1/health/live", headers={"X-Forwarded-For": "203.0.113.7"})


async def test_a_restart_refuses_nobody(config: Path, kept: socket.socket, database: DatabaseSection) -> None:  # noqa: F811
    settings = yaml.safe_load(config.read_text())
    path = os.path.relpath(config.parent / "api.socket")
    # Held by another: the daemon must not want the configured address as well.
    with socket.socket() as taken:
        host, _, port = settings["api"]["listen"].rpartition(":")
        taken.bind((host, int(port)))
        taken.listen()
        process = start(config, kept)
        codes: list[int] = []
        refused: list[str] = []
        asking = True

        async def ask() -> None:
            while asking:
                # nginx, too, takes a connection for each request.
                transport = httpx.AsyncHTTPTransport(uds=path)
                async with httpx.AsyncClient(transport=transport, timeout=60) as client:
                    try:
                        codes.append((await answers(client)).status_code)
                    except httpx.TransportError as error:
                        refused.append(repr(error))

        asked = [asyncio.create_task(ask()) for _ in range(ASKING)]
        try:
            for _ in range(RESTARTS):
                before = len(codes)
                async with asyncio.timeout(60):
                    while len(codes) < before + 3 * ASKING:
                        await asyncio.sleep(0.02)
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 60) == 0
                process = start(config, kept)
            before = len(codes)
            async with asyncio.timeout(60):
                while len(codes) < before + ASKING:
                    await asyncio.sleep(0.02)
        finally:
            asking = False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(60):
                    await asyncio.gather(*asked)
            process.terminate()
            process.wait()
    assert refused == []
    assert set(codes) == {200}
    assert (config.parent / "api.socket").exists()
