"""`guardian-metrics`: one port for Prometheus, which cannot ask Unix sockets."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import uvicorn
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from guardian.cli.metrics import gather, host
from guardian.cli.metrics.config import DEFAULT_CONFIG, MetricsConfig
from guardian.common.errors import ConfigError
from guardian.common.http import patient
from guardian.common.lifecycle import Service, daemon
from guardian.common.rpc import split_address

_ROUND = 5.0
# A page made so lately is served again: many readers cost the daemons no more than one does.
_FRESH = 1.0
_PER_ADDRESS, _CONNECTIONS = 8, 64


@dataclass
class Page:
    """The text that is served."""

    settings: MetricsConfig
    answering: int = 0
    asked: int = 0
    _text: bytes = b""
    _made: float = float("-inf")
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self) -> bytes:
        """At most so old as `_FRESH`."""
        async with self._making:
            if time.monotonic() - self._made >= _FRESH:
                self._text = await self._make()
                self._made = time.monotonic()
            return self._text

    async def _make(self) -> bytes:
        settings = self.settings
        daemons = await gather.ask_daemons(settings.run_dir, settings.expect)
        self.asked = len(daemons)
        self.answering = sum(item.families is not None for item in daemons)
        families = [*gather.merge(daemons, activity=settings.activity), *host.look(settings)]
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Made(families))
        return generate_latest(registry)


class _Made(Collector):
    """Families that were made already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


class _Server(uvicorn.Server):
    """The daemon handles signals itself: uvicorn must not take them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(service: Service[MetricsConfig]) -> None:
    """Serve until told to stop."""
    page = Page(service.settings)
    listening = _listen(service.settings.listen)
    server = _Server(
        uvicorn.Config(
            _app(page),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            http=patient(_PER_ADDRESS),
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))

    async def take(settings: MetricsConfig) -> None:
        if settings.listen != service.settings.listen:
            # systemd starts it again, and then it listens there.
            service.stop()
        page.settings = settings

    service.on_reload = take
    service.ready()
    try:
        while not service.stopping.is_set() and not serving.done():
            await page.read()
            service.status(f"{page.answering} of {page.asked} daemons answer")
            service.progressed()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(service.stopping.wait(), _ROUND)
    finally:
        server.should_exit = True
        await serving
        listening.close()


def _app(page: Page) -> Starlette:
    async def metrics(_: Request) -> Response:
        return PlainTextResponse(await page.read(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(routes=[Route("/metrics", metrics)])


def _listen(address: str) -> socket.socket:
    host_name, port = split_address(address)
    listening = socket.socket(socket.AF_INET6 if ":" in host_name else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host_name, port))
        listening.listen(64)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"{address} cannot be listened on: {error.strerror or error}.",
            reason="config_address_taken",
            hint="Another process has it, or it is not an address of this machine.",
        ) from error
    return listening


def main() -> NoReturn:
    """Console script."""
    daemon(
        "metrics",
        MetricsConfig,
        run,
        description="The host's daemons on one page for Prometheus.",
        default_config=DEFAULT_CONFIG,
    )


if __name__ == "__main__":
    main()
