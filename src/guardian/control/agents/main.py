"""`guardian-agents`: gRPC for nodes."""

import asyncio
from typing import NoReturn

from guardian.common.lifecycle import Service, daemon
from guardian.control.agents.server import AgentsServer
from guardian.control.config import Settings
from guardian.control.database.engine import Database
from guardian.control.database.listen import Listener
from guardian.control.database.watch import watch_database


async def run(service: Service[Settings]) -> None:
    """Serve until told to stop."""
    settings = service.settings
    database = Database(settings.database.app, pool_size=settings.database.pool_size)
    listener = Listener(database.libpq_dsn)
    server = AgentsServer(settings, database, listener)
    service.health.registry.register(server.figures)
    await server.start()
    listening = asyncio.create_task(listener.run(service.stopping))
    try:
        service.ready()

        async def each_round() -> None:
            await server.tell_silences()
            service.status(f"{server.connected} nodes reporting")

        await watch_database(service, database, listener, each_round)
    finally:
        await server.stop()
        await listening
        await database.close()


def main() -> NoReturn:
    """Entry point."""
    daemon(
        "agents",
        Settings,
        run,
        description="gRPC for nodes: enrolment, summaries, health, roster and commands.",
        default_config="/etc/guardian/control.yaml",
        fixed=("agents", "database"),
    )
