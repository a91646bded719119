"""Tickets: which objects and events of which node a person may ask for, for one minute."""

import hashlib
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.common.clock import now
from guardian.common.ids import random_id
from guardian.control.accounts.subject import Subject
from guardian.control.database.engine import Database
from guardian.control.errors import Conflict, NotFound
from guardian.control.events.repository import EventRepository
from guardian.control.nodes.repository import NodeRepository
from guardian.control.tickets.schemas import Ticket, TicketRequest

ISSUER = "guardian-control"
LIFE = timedelta(seconds=60)


class TicketService:
    """Signs; the node still asks for a member's own signature."""

    def __init__(self, database: Database, key: Ed25519PrivateKey) -> None:
        self._database = database
        self._key = key
        self._key_id = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()[:16]

    async def make(self, subject: Subject, wanted: TicketRequest) -> Ticket:
        """404 `node_unknown`, `object_unknown` or `event_unknown`; 409 `node_silent` while its relay is not known."""
        async with self._database.tenant(subject.tenant_id) as scope:
            node = await NodeRepository(scope).get(wanted.node_id)
            if node is None:
                raise NotFound("There is no such node.", reason="node_unknown")
            repository = EventRepository(scope)
            if set(wanted.objects) - await repository.objects_at(wanted.node_id, wanted.objects):
                raise NotFound("An object is not one of yours on this node.", reason="object_unknown")
            if set(wanted.events) - await repository.events_at(wanted.node_id, wanted.events):
                raise NotFound("An event is not one of yours on this node.", reason="event_unknown")
        if not node.relay_url:
            raise Conflict("The node has not said yet where its relay is. Try again soon.", reason="node_silent")
        issued = now().replace(microsecond=0)
        claims = {
            "iss": ISSUER,
            "aud": wanted.node_id,
            "sub": subject.user_id,
            "tenant": subject.tenant_id,
            "member": wanted.member,
            "jti": random_id().hex(),
            "iat": issued,
            "exp": issued + LIFE,
            "objects": sorted(set(wanted.objects)),
            "events": sorted(set(wanted.events)),
        }
        text = jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self._key_id})
        return Ticket(ticket=text, node_id=wanted.node_id, relay_url=node.relay_url, expires=issued + LIFE)
