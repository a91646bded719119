"""`/vault`: key slots and the roster."""

from typing import Annotated

from fastapi import APIRouter, Query

from guardian.control.accounts.endpoints import Ctx, Who
from guardian.control.schemas import Hex
from guardian.control.vault.schemas import RosterAppend, RosterHead, RosterPage, Slot

router = APIRouter(prefix="/vault", tags=["vault"])


@router.get("/slots")
async def list_slots(subject: Who, ctx: Ctx) -> list[Slot]:
    """All slots of the tenant."""
    return await ctx.vault.slots(subject)


@router.put("/slots/{slot_id}", status_code=204)
async def put_slot(slot_id: Hex, slot: Slot, subject: Who, ctx: Ctx) -> None:
    """Publish a slot, or replace the one of the same id; its form and cost are checked."""
    await ctx.vault.put_slot(subject, slot_id, slot)


@router.delete("/slots/{slot_id}", status_code=204)
async def delete_slot(slot_id: Hex, subject: Who, ctx: Ctx) -> None:
    """Take a slot back."""
    await ctx.vault.delete_slot(subject, slot_id)


@router.get("/roster")
async def get_roster(
    subject: Who, ctx: Ctx, first: Annotated[int, Query(alias="from", ge=0, le=10_000)] = 0
) -> RosterPage:
    """The chain from an index on; `next` when more follows."""
    return await ctx.vault.roster(subject, first)


@router.post("/roster")
async def append_roster(body: RosterAppend, subject: Who, ctx: Ctx) -> RosterHead:
    """Add entries. The whole chain is checked; another chain is refused as `fork`, a shorter one as `stale`."""
    return await ctx.vault.append(subject, body)
