"""The HTTP server inside the daemon: its own socket, signals left to the daemon, streams ended at stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

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
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings, context, answers),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=bool(settings.forwarded_allow_ips),
                forwarded_allow_ips=list(settings.forwarded_allow_ips),
                # Behind a proxy all come from one address.
                http=patient(0 if settings.forwarded_allow_ips else _PER_ADDRESS),
                limit_concurrency=_CONNECTIONS,
                h11_max_incomplete_event_size=32 * 1024,
                timeout_graceful_shutdown=3,
            )
        )
        # The daemon handles signals itself; uvicorn must not take them.
        self._server.capture_signals = _no_signals  # type: ignore[method-assign]

    @property
    def port(self) -> int:
        """The port bound; 0 before start."""
        return 0 if self._socket is None else int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Listen; ConfigError `config_address_taken` when the address cannot be had."""
        host, port = host_port(self._context.settings.api.listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(2048)
        except OSError as error:
            self._socket.close()
            raise ConfigError(
                f"{host}:{port} cannot be listened on: {error.strerror}.",
                reason="config_address_taken",
                hint="Another process has it, or it is not an address of this machine.",
            ) from error
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    async def stop(self) -> None:
        """End streams, finish answers, close."""
        self._context.stopping.set()
        self._context.listener.wake_all()
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        if self._socket is not None:
            self._socket.close()
