"""`/edges`."""

from fastapi import APIRouter

from guardian.control.accounts.endpoints import Ctx, Who
from guardian.control.edges.schemas import Edge

router = APIRouter(prefix="/edges", tags=["edges"])


@router.get("")
async def list_edges(subject: Who, ctx: Ctx) -> list[Edge]:
    """The tenant's edges."""
    return await ctx.edges.all(subject)
