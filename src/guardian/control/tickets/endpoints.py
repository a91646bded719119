"""`/tickets`."""

from fastapi import APIRouter

from guardian.control.accounts.endpoints import Ctx, Who
from guardian.control.tickets.schemas import Ticket, TicketRequest

router = APIRouter(prefix="/tickets", tags=["tickets"])


@router.post("")
async def make_ticket(body: TicketRequest, subject: Who, ctx: Ctx) -> Ticket:
    """A signed ticket for objects and events of one node, valid for a minute."""
    return await ctx.tickets.make(subject, body)
