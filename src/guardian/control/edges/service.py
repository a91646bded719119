"""Edges for browsers."""

from guardian.control.accounts.subject import Subject
from guardian.control.database.engine import Database, Row
from guardian.control.edges.repository import EdgeRepository
from guardian.control.edges.schemas import Detector, Edge, EdgeRoster
from guardian.control.nodes.service import is_fresh
from guardian.vault.encoding import b64u


class EdgeService:
    """A tenant's edges."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, subject: Subject) -> list[Edge]:
        """All edges of the tenant."""
        async with self._database.tenant(subject.tenant_id) as scope:
            return [_edge(row) for row in await EdgeRepository(scope).all()]


def _edge(row: Row) -> Edge:
    return Edge(
        id=row.id,
        name=row.name,
        node_id=row.node_id,
        sign_public=b64u(row.sign_public),
        receive_public=b64u(row.receive_public),
        enrolled_at=row.enrolled_at,
        online=row.online and is_fresh(row.node_seen),
        last_seen=row.last_seen,
        software_version=row.software_version,
        detector=Detector(state=row.detector_state, reason=row.detector_reason, sentence=row.detector_sentence),
        roster=EdgeRoster(entries=row.roster_entries, head=row.roster_head.hex(), fault=row.roster_fault),
        cpu_percent=row.cpu_percent,
        memory_bytes=row.memory_bytes,
        disk_free_bytes=row.disk_free_bytes,
        disk_total_bytes=row.disk_total_bytes,
        outbox_waiting=row.outbox_waiting,
    )
