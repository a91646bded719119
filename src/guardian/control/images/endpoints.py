"""`/images`."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from guardian.common import ranges
from guardian.control.accounts.endpoints import Ctx, Who
from guardian.control.api.problems import problem
from guardian.control.images.schemas import ImageRequest, Images, SeededImage
from guardian.control.images.service import Download
from guardian.control.images.splicing import SplicedResponse
from guardian.control.schemas import Hex

router = APIRouter(prefix="/images", tags=["images"])
_MEDIA = "application/octet-stream"
_BYTES: dict[str, Any] = {"content": {_MEDIA: {"schema": {"type": "string", "format": "binary"}}}}


@router.get("")
async def list_images(subject: Who, ctx: Ctx) -> Images:
    """Generic images, and those with a seed of the tenant's that have not expired."""
    return await ctx.images.all(subject)


@router.post("")
async def make_image(body: ImageRequest, subject: Who, ctx: Ctx) -> SeededImage:
    """Have the node make a one-time token, and an image with it. It can be fetched until the token ends."""
    return await ctx.images.make(subject, body)


@router.get(
    "/{image_id}/{file_name}.iso",
    response_class=Response,
    responses={200: {"description": "The image.", **_BYTES}, 206: {"description": "A part of it.", **_BYTES}},
)
async def get_image(
    image_id: Hex,
    file_name: str,
    subject: Who,
    ctx: Ctx,
    byte_range: Annotated[str | None, Header(alias="range", description="One range of bytes.")] = None,
    if_range: Annotated[str | None, Header(alias="if-range", description="The ETag of the part already had.")] = None,
) -> Response:
    """The generic image with the seed in its place."""
    found = await ctx.images.download(subject, image_id, f"{file_name}.iso")
    headers = _headers(found)
    try:
        # Whose part is of something else is sent the whole.
        wanted = ranges.parse(byte_range) if if_range in (None, headers["ETag"]) else None
        first, end = wanted.within(found.size) if wanted else (0, found.size)
    except ranges.RangeError:
        found.spliced.file.close()
        sentence = "One well-formed range of bytes within the image may be asked for."
        return problem(416, "range", sentence, {"Content-Range": f"bytes */{found.size}", "Accept-Ranges": "bytes"})
    if wanted:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{found.size}"
    return SplicedResponse(206 if wanted else 200, headers, found.spliced, first, end, ctx.stopping.is_set)


@router.head("/{image_id}/{file_name}.iso", response_class=Response)
async def head_image(image_id: Hex, file_name: str, subject: Who, ctx: Ctx) -> Response:
    """How large it is, and its hash."""
    found = await ctx.images.download(subject, image_id, f"{file_name}.iso")
    found.spliced.file.close()
    return Response(headers={**_headers(found), "Content-Length": str(found.size)})


@router.delete("/{image_id}", status_code=204)
async def remove_image(image_id: Hex, subject: Who, ctx: Ctx) -> None:
    """Forget the seed. Who has the image has it; its token ends by itself, or is spent."""
    await ctx.images.remove(subject, image_id)


def _headers(found: Download) -> dict[str, str]:
    return {
        "Content-Type": _MEDIA,
        "Content-Disposition": f'attachment; filename="{found.file_name}"',
        "Accept-Ranges": "bytes",
        "ETag": f'"{found.sha256.hex()}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(found.sha256).decode()}:",
        # No proxy keeps a copy either.
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
    }
