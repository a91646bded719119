"""`/nodes`."""

from fastapi import APIRouter

from guardian.control.accounts.endpoints import Ctx, Who
from guardian.control.nodes.schemas import Node

router = APIRouter(prefix="/nodes", tags=["nodes"])


@router.get("")
async def list_nodes(subject: Who, ctx: Ctx) -> list[Node]:
    """The tenant's nodes."""
    return await ctx.nodes.all(subject)
