"""`/events`."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from guardian.control.accounts.endpoints import Ctx, Who
from guardian.control.events.schemas import Event, EventPage
from guardian.control.events.service import EventFilter
from guardian.control.schemas import TIME_EXAMPLE, Uuid7

router = APIRouter(prefix="/events", tags=["events"])
_LABEL = r"^[^\x00-\x1f\x7f]{1,64}$"
_CAMERA = r"^([0-9a-f]{32}/)?[a-z0-9_]{1,32}$"


@router.get("")
async def list_events(
    subject: Who,
    ctx: Ctx,
    camera: Annotated[str | None, Query(pattern=_CAMERA, description="Camera id, or edge id / camera id.")] = None,
    label: Annotated[str | None, Query(pattern=_LABEL, examples=["person"])] = None,
    from_: Annotated[AwareDatetime | None, Query(alias="from", examples=[TIME_EXAMPLE])] = None,
    to: Annotated[AwareDatetime | None, Query(examples=[TIME_EXAMPLE])] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> EventPage:
    """Newest first; `from` and `to` bound the event's start (`to` excluded)."""
    return await ctx.events.page(subject, EventFilter(camera, label, from_, to), cursor, limit)


@router.get("/{event_id}")
async def get_event(event_id: Uuid7, subject: Who, ctx: Ctx) -> Event:
    """One event."""
    return await ctx.events.get(subject, event_id)
