"""The bell the analyzer rings after each commit: a datagram socket; what it says does not matter, only that it rang."""

import asyncio
import contextlib
import socket
from pathlib import Path

from guardian.common import sockets


class Ring:
    """Wakes the sender; without a ring it looks by itself every few seconds, so a lost one costs only time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rung = asyncio.Event()
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Make the socket."""
        sockets.make_way(self._path)
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bell.setblocking(False)
        bell.bind(str(self._path))
        self._path.chmod(sockets.MODE)
        asyncio.get_running_loop().add_reader(bell, self._drain)
        self._socket = bell

    def close(self) -> None:
        """Remove the socket."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._path.unlink(missing_ok=True)

    async def wait(self, timeout: float) -> None:
        """Until the next ring since the last wait, at most `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        self._rung.clear()

    def _drain(self) -> None:
        if self._socket is None:
            return
        with contextlib.suppress(BlockingIOError):
            for _ in range(1000):
                self._socket.recv(64)
        self._rung.set()
