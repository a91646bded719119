"""A daemon's main loop: looks at PostgreSQL every few seconds and says how it is."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from guardian.common.lifecycle import Service
from guardian.control.database.engine import DATABASE_AWAY, Database
from guardian.control.database.listen import Listener

ROUND = 5.0


async def watch_database(
    service: Service[Any], database: Database, listener: Listener, each_round: Callable[[], Awaitable[None]]
) -> None:
    """Until the service stops; raises StoreError `role_too_strong` once the database can be asked."""
    role_checked = False
    while not service.stopping.is_set():
        try:
            await database.ping()
            if not role_checked:
                await database.check_role()
                role_checked = True
        except DATABASE_AWAY:
            sentence = "PostgreSQL does not answer; requests are refused until it does."
            service.health.set("database", "failed", sentence, reason="database_away")
        else:
            service.health.set("database", "ok", "PostgreSQL answers.")
        if listener.listening.is_set():
            service.health.set("live", "ok", "Listening for news.")
        else:
            service.health.set("live", "waiting", "Live updates wait for PostgreSQL.", reason="listen_lost")
        await each_round()
        # It waits for a named outside cause that it has just looked at.
        service.progressed()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.stopping.wait(), ROUND)
