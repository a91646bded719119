"""`/cameras`."""

from fastapi import APIRouter

from guardian.control.accounts.endpoints import Ctx, Who
from guardian.control.cameras.schemas import Camera
from guardian.control.schemas import CameraId, Hex

router = APIRouter(prefix="/cameras", tags=["cameras"])


@router.get("")
async def list_cameras(subject: Who, ctx: Ctx) -> list[Camera]:
    """The tenant's cameras."""
    return await ctx.cameras.all(subject)


@router.get("/{edge_id}/{camera_id}")
async def get_camera(edge_id: Hex, camera_id: CameraId, subject: Who, ctx: Ctx) -> Camera:
    """One camera of one edge."""
    return await ctx.cameras.get(subject, edge_id, camera_id)
