"""`/commands`."""

from fastapi import APIRouter

from guardian.control.accounts.endpoints import Ctx, Who
from guardian.control.commands.schemas import Command, CommandState
from guardian.control.schemas import Uuid7

router = APIRouter(prefix="/commands", tags=["commands"])


@router.post("", status_code=202)
async def post_command(command: Command, subject: Who, ctx: Ctx) -> CommandState:
    """Pass a signed command on to its edge. The same command again is harmless."""
    return await ctx.commands.post(subject, command)


@router.get("/{command_id}")
async def get_command(command_id: Uuid7, subject: Who, ctx: Ctx) -> CommandState:
    """What the edge answered."""
    return await ctx.commands.get(subject, command_id)
