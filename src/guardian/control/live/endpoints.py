"""`/events/stream`: Server-Sent Events."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from guardian.control.accounts.endpoints import Ctx, Who, session_token

router = APIRouter(tags=["events"])
_EXAMPLE = 'id: 42\nevent: event\ndata: {"id":"…"}\n\nevent: cameras\ndata: {}\n\n'


@router.get(
    "/events/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}}}},
)
async def stream(
    request: Request,
    subject: Who,
    ctx: Ctx,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
    after: Annotated[int | None, Query(ge=0, description="Like Last-Event-ID, for a first connection.")] = None,
) -> StreamingResponse:
    """`event` (data: an Event, id: its counter), `cameras`, `roster`, `reset` (load everything again)."""
    token = session_token(request, ctx)
    feed = ctx.live.stream(subject, last_event_id or after, lambda: ctx.accounts.subject(token))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(feed, media_type="text/event-stream", headers=headers)
