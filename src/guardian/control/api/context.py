"""What the endpoints share: services, made once at start."""

import asyncio
from dataclasses import dataclass

from fastapi import Request

from guardian.control.accounts.passwords import Passwords
from guardian.control.accounts.service import AccountService
from guardian.control.cameras.service import CameraService
from guardian.control.commands.service import CommandService
from guardian.control.config import Settings
from guardian.control.database.engine import Database
from guardian.control.database.listen import Listener
from guardian.control.edges.service import EdgeService
from guardian.control.events.service import EventService
from guardian.control.images.library import Library
from guardian.control.images.service import ImageService
from guardian.control.live.service import LiveService
from guardian.control.nodes.service import NodeService
from guardian.control.orders.service import OrderService
from guardian.control.tickets.keys import load_signer
from guardian.control.tickets.service import TicketService
from guardian.control.vault.service import VaultService


@dataclass(frozen=True)
class Context:
    """Services of one process; they keep nothing between requests."""

    settings: Settings
    database: Database
    listener: Listener
    stopping: asyncio.Event
    accounts: AccountService
    nodes: NodeService
    edges: EdgeService
    cameras: CameraService
    events: EventService
    vault: VaultService
    tickets: TicketService
    commands: CommandService
    images: ImageService
    live: LiveService

    @classmethod
    def create(cls, settings: Settings, stopping: asyncio.Event) -> "Context":
        """Everything, over one pool and one listening connection."""
        database = Database(settings.database.app, pool_size=settings.database.pool_size)
        listener = Listener(database.libpq_dsn)
        library = Library(settings.images.folder, stopping.is_set)
        return cls(
            settings=settings,
            database=database,
            listener=listener,
            stopping=stopping,
            accounts=AccountService(database, Passwords(), settings.api),
            nodes=NodeService(database),
            edges=EdgeService(database),
            cameras=CameraService(database),
            events=EventService(database),
            vault=VaultService(database),
            tickets=TicketService(database, load_signer(settings.state_dir)),
            commands=CommandService(database),
            images=ImageService(database, library, OrderService(database), settings.state_dir / "images"),
            live=LiveService(database, listener, stopping),
        )


def context(request: Request) -> Context:
    """The process's services, for an endpoint."""
    found: Context = request.app.state.context
    return found
