"""Cameras for browsers."""

from guardian.control.accounts.subject import Subject
from guardian.control.cameras.repository import CameraRepository
from guardian.control.cameras.schemas import Camera
from guardian.control.database.engine import Database, Row
from guardian.control.errors import NotFound
from guardian.control.nodes.service import is_fresh


class CameraService:
    """A tenant's cameras."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, subject: Subject) -> list[Camera]:
        """All cameras of the tenant."""
        async with self._database.tenant(subject.tenant_id) as scope:
            return [_camera(row) for row in await CameraRepository(scope).all()]

    async def get(self, subject: Subject, edge_id: str, camera_id: str) -> Camera:
        """One camera; 404 `camera_unknown`."""
        async with self._database.tenant(subject.tenant_id) as scope:
            row = await CameraRepository(scope).get(edge_id, camera_id)
        if row is None:
            raise NotFound("There is no such camera.", reason="camera_unknown")
        return _camera(row)


def _camera(row: Row) -> Camera:
    return Camera(
        id=row.id,
        edge_id=row.edge_id,
        edge_name=row.edge_name,
        name=row.name,
        state=row.state,
        reason=row.reason,
        sentence=row.sentence,
        fps=row.fps,
        width=row.width,
        height=row.height,
        codec=row.codec,
        last_frame=row.last_frame,
        recording=row.recording,
        online=row.online and is_fresh(row.node_seen),
    )
