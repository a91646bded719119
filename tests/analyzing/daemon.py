"""The analyzer running inside the test, or as a process of its own that can be killed."""

import asyncio
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from tests.analyzing.home import Home

from guardian.common.health import HealthServer
from guardian.common.lifecycle import Service
from guardian.contracts.edge.v1.edge_pb2 import Event
from guardian.edge.analyzer.daemon import run
from guardian.edge.config import EdgeConfig
from guardian.edge.events.store import EventStore
from guardian.edge.places import frames_socket


class Running:
    """A running analyzer, seen from outside."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.socket = frames_socket(home.run)

    async def http(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request on the daemon's own socket."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.home.run / "analyzer" / "health.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://analyzer", timeout=20) as client:
            return await client.request(method, path, **more)

    async def dependency(self, name: str) -> dict[str, Any]:
        """What health says of one dependency."""
        found: dict[str, Any] = (await self.http("GET", "/health")).json()["dependencies"].get(name, {})
        return found

    async def until(self, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for health to say so of a dependency; the test's own timeout is the limit."""
        while not holds(found := await self.dependency(name)):
            await asyncio.sleep(0.1)
        return found

    def outbox(self) -> list[tuple[int, Event, bytes, bytes]]:
        """Position, event, its bytes and signature."""
        path = self.home.state / "analyzer" / "events.db"
        store = EventStore(path)
        try:
            return [
                (position, Event.FromString(data), data, signature)
                for position, _, _, data, signature in store.outbox_rows()
            ]
        finally:
            store.close()

    def events(self) -> list[Event]:
        """The newest revision of each event, oldest event first."""
        newest = {event.id: event for _, event, _, _ in self.outbox()}
        return sorted(newest.values(), key=lambda event: event.start.ToNanoseconds())

    async def until_events(self, holds: Callable[[list[Event]], bool]) -> list[Event]:
        """Wait for the store to hold such events."""
        while not holds(found := self.events()):
            await asyncio.sleep(0.1)
        return found


class Inside(Running):
    """In this very process."""

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        with warnings.catch_warnings():
            # Without NOTIFY_SOCKET sdnotify drops a socket unclosed.
            warnings.simplefilter("ignore", ResourceWarning)
            self.service: Service[EdgeConfig] = Service("analyzer", home.settings(), home.run, home.settings)


@asynccontextmanager
async def inside(home: Home) -> AsyncIterator[Inside]:
    """Run until the block ends."""
    running = Inside(home)
    service = running.service
    work = asyncio.create_task(run(service))
    await asyncio.sleep(0)
    server = HealthServer(service.health, home.run / "analyzer" / "health.sock", service.app)
    serving = asyncio.create_task(server.serve())
    try:
        while not service.health.ready or not (home.run / "analyzer" / "health.sock").exists():
            if work.done():
                work.result()
            await asyncio.sleep(0.02)
        yield running
    finally:
        service.stop()
        await work
        server.stop()
        await serving


class Process(Running):
    """As systemd would start it."""

    def __init__(self, home: Home, process: asyncio.subprocess.Process) -> None:
        super().__init__(home)
        self.process = process

    async def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def process(home: Home) -> AsyncIterator[Process]:
    """Run `guardian-analyzer` until the block ends."""
    module = "guardian.edge.analyzer.main"
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", module, "--config", str(home.config))
    running = Process(home, child)
    try:
        while not running.socket.exists():
            assert child.returncode is None
            await asyncio.sleep(0.05)
        yield running
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()
