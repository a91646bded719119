"""`guardian-migrate`: a oneshot that brings the schema forward before the daemons start."""

import logging
from typing import NoReturn

from guardian.common import log
from guardian.common.lifecycle import Service, daemon
from guardian.control.config import Settings
from guardian.control.database.migrating import migrate

_log = log.get(__name__)


async def run(service: Service[Settings]) -> None:
    """Migrate and end."""
    service.status("migrating")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    revision = await migrate(service.settings.database)
    _log.info("migrated", revision=revision)
    service.ready()


def main() -> NoReturn:
    """Entry point."""
    daemon(
        "migrate",
        Settings,
        run,
        description="Bring the control plane's database to this release's schema.",
        default_config="/etc/guardian/control.yaml",
    )
