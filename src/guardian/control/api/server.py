"""The HTTP server inside the daemon: its own socket, signals left to the daemon, streams ended at stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from guardian.common.activation import inherited
from guardian.common.errors import ConfigError
from guardian.common.http import patient
from guardian.control.api.answers import Answers
from guardian.control.api.app import create_app
from guardian.control.api.context import Context
from guardian.control.config import host_port

# Well below the 1,024 descriptors a process has by default, with the database's among them.
_CONNECTIONS, _PER_ADDRESS = 800, 200


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    yield


class ApiServer:
    """Open with `start()`; `stop()` returns when every answer is out or was cut off."""

    def __init__(self, context: Context, answers: Answers | None = None) -> None:
        self._context = context
        self._socket: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None
        settings = context.settings.api
        self._handed = inherited()
        # The service manager's socket is for the proxy alone: its word on addresses counts.
        proxies = ["*"] if self._handed is not None else list(settings.forwarded_allow_ips)
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings, context, answers),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies,
                # Behind a proxy all come from one address.
                http=patient(0 if proxies else _PER_ADDRESS),
                limit_concurrency=_CONNECTIONS,
                h11_max_incomplete_event_size=32 * 1024,
                timeout_graceful_shutdown=3,
            )
        )
        # The daemon handles signals itself; uvicorn must not take them.
        self._server.capture_signals = _no_signals  # type: ignore[method-assign]

    @property
    def port(self) -> int:
        """The TCP port bound; 0 before start, and where the socket is no TCP one."""
        if self._socket is None or self._socket.family == socket.AF_UNIX:
            return 0
        return int(self._socket.getsockname()[1])

    @property
    def where(self) -> str:
        """For a status line."""
        if self._socket is not None and self._socket.family == socket.AF_UNIX:
            return str(self._socket.getsockname())
        return f"port {self.port}"

    @property
    def open(self) -> int:
        """Connections now, those of live updates among them."""
        return len(self._server.server_state.connections)

    async def start(self) -> None:
        """Take the socket handed over, else listen; ConfigError `config_address_taken` when that cannot be done."""
        self._socket = self._handed or self._listen()
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    def _listen(self) -> socket.socket:
        host, port = host_port(self._context.settings.api.listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(2048)
        except OSError as error:
            listener.close()
            raise ConfigError(
                f"{host}:{port} cannot be listened on: {error.strerror}.",
                reason="config_address_taken",
                hint="Another process has it, or it is not an address of this machine.",
            ) from error
        return listener

    async def stop(self) -> None:
        """End streams, finish answers, close."""
        self._context.stopping.set()
        self._context.listener.wake_all()
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        if self._socket is not None:
            self._socket.close()
