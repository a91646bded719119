"""`guardian-api`: REST, live updates and the UI's files."""

import asyncio
import contextlib
import time
from typing import NoReturn

from guardian.common.errors import ConfigError
from guardian.common.lifecycle import Service, daemon
from guardian.control.accounts.passwords import nobodys_hash
from guardian.control.api.answers import Answers
from guardian.control.api.context import Context
from guardian.control.api.server import ApiServer
from guardian.control.config import Settings
from guardian.control.database.engine import DATABASE_AWAY
from guardian.control.database.watch import watch_database


def check(settings: Settings) -> None:
    """The UI must be there when it is named."""
    folder = settings.api.ui_dir
    if folder is not None and not (folder / "index.html").is_file():
        raise ConfigError(f"api.ui_dir: there is no index.html in {folder}.", reason="config_invalid")


# What has expired is not shown; some time after it is deleted as well.
_SWEEP = 60.0


async def run(service: Service[Settings]) -> None:
    """Serve until told to stop."""
    # Made before the first login, which would otherwise take longer than those after it.
    await asyncio.to_thread(nobodys_hash)
    context = Context.create(service.settings, service.stopping)
    server = ApiServer(context, Answers(service.health.registry))
    await server.start()
    listening = asyncio.create_task(context.listener.run(service.stopping))
    looking = asyncio.create_task(context.images.look())
    swept = 0.0
    try:
        service.ready()

        async def each_round() -> None:
            nonlocal swept
            if time.monotonic() - swept >= _SWEEP:
                with contextlib.suppress(*DATABASE_AWAY):
                    await context.images.sweep()
                    swept = time.monotonic()
            service.status(f"serving at {server.where}, {server.open} connections open")

        await watch_database(service, context.database, context.listener, each_round)
    finally:
        await server.stop()
        await listening
        await looking
        await context.database.close()


def main() -> NoReturn:
    """Entry point."""
    daemon(
        "api",
        Settings,
        run,
        description="REST, live updates and the UI's files.",
        default_config="/etc/guardian/control.yaml",
        fixed=("api", "database", "images"),
        check=check,
    )
