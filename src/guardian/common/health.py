"""What a daemon knows of itself and its dependencies, served on its own Unix socket."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import uvicorn
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from guardian.common import sockets as paths
from guardian.common.clock import now, to_text

State = Literal["ok", "waiting", "degraded", "failed"]
_ORDER: tuple[State, ...] = ("ok", "waiting", "degraded", "failed")


@dataclass
class Dependency:
    """One thing a daemon needs, as last seen."""

    state: State
    sentence: str
    reason: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    since: datetime = field(default_factory=now)


class Health:
    """The states of a daemon's dependencies; the worst of them is the daemon's own."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.ready = False
        self.status = "starting"
        self.started = now()
        self.registry = CollectorRegistry()
        self._dependencies: dict[str, Dependency] = {}
        self.registry.register(_States(self))
        ProcessCollector(registry=self.registry)

    def set(self, name: str, state: State, sentence: str, /, *, reason: str = "", **detail: Any) -> bool:
        """Note a dependency's state; True when state or reason changed (the moment worth a log line)."""
        before = self._dependencies.get(name)
        changed = before is None or (before.state, before.reason) != (state, reason)
        since = now() if before is None or changed else before.since
        self._dependencies[name] = Dependency(state, sentence, reason, detail, since)
        return changed

    def remove(self, name: str) -> None:
        """Forget a dependency that is no longer needed."""
        self._dependencies.pop(name, None)

    def get(self, name: str) -> Dependency | None:
        """A dependency as last set."""
        return self._dependencies.get(name)

    def names(self) -> dict[str, State]:
        """Every dependency and its state."""
        return {name: item.state for name, item in sorted(self._dependencies.items())}

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A metric that is asked for when somebody reads `/metrics`: `value` must be quick and wait for nothing."""
        Gauge(f"guardian_{name}", text, registry=self.registry).set_function(value)

    @property
    def state(self) -> State:
        """The worst state of all dependencies."""
        return max((item.state for item in self._dependencies.values()), key=_ORDER.index, default="ok")

    def snapshot(self) -> dict[str, Any]:
        """What `GET /health` answers."""
        return {
            "service": self.service,
            "version": version("guardian"),
            "pid": os.getpid(),
            "state": self.state,
            "ready": self.ready,
            "status": self.status,
            "since": to_text(self.started),
            "dependencies": {
                name: {
                    "state": item.state,
                    "reason": item.reason,
                    "sentence": item.sentence,
                    "since": to_text(item.since),
                    "detail": item.detail,
                }
                for name, item in sorted(self._dependencies.items())
            },
        }

    def routes(self) -> list[Route]:
        """live, ready, health, metrics."""

        async def live(_: Request) -> Response:
            return PlainTextResponse("live\n")

        async def ready(_: Request) -> Response:
            return PlainTextResponse("ready\n" if self.ready else "not ready\n", 200 if self.ready else 503)

        async def detail(_: Request) -> Response:
            return JSONResponse(self.snapshot())

        async def metrics(_: Request) -> Response:
            return PlainTextResponse(generate_latest(self.registry))

        return [Route("/live", live), Route("/ready", ready), Route("/health", detail), Route("/metrics", metrics)]


class _States(Collector):
    """What `/health` says in words, as figures an alert can compare."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[GaugeMetricFamily]:
        build = GaugeMetricFamily("guardian_build_info", "The code that runs", labels=["version"])
        build.add_metric([version("guardian")], 1.0)
        yield build
        yield GaugeMetricFamily("guardian_ready", "1 when the daemon does its work", value=float(self._health.ready))
        meaning = ", ".join(f"{number} {state}" for number, state in enumerate(_ORDER))
        text = f"State of what the daemon needs: {meaning}"
        states = GaugeMetricFamily("guardian_dependency_state", text, labels=["dependency"])
        for name, state in self._health.names().items():
            states.add_metric([name], _ORDER.index(state))
        yield states


class HealthServer:
    """Serves a Health (or any ASGI app that contains its routes) on a Unix socket."""

    def __init__(self, health: Health, socket: Path, app: Any = None) -> None:
        self._socket = socket
        self._server = _Server(
            uvicorn.Config(
                app or Starlette(routes=health.routes()),
                uds=str(socket),
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
            )
        )

    async def serve(self) -> None:
        """Run until `stop`; the socket's file goes with it."""
        paths.make_way(self._socket)
        try:
            await self._server.serve()
        finally:
            self._socket.unlink(missing_ok=True)

    @property
    def open(self) -> asyncio.Event:
        """Set once the socket takes connections."""
        return self._server.open

    def stop(self) -> None:
        """Ask `serve` to return."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """The daemon handles signals itself: uvicorn must not take them."""

    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self.open = asyncio.Event()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        Path(str(self.config.uds)).chmod(paths.MODE)
        self.open.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
