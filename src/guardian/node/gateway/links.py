"""Sealed bytes from the edges that hold them: one reverse stream an edge, bounded windows, cancelled when unwanted.

A reader takes a range in windows of WINDOW bytes and asks for the next only when it has room: a slow browser holds
back its own reading and nobody else's, and what waits here is bounded.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from guardian.common.errors import GuardianError
from guardian.common.rpc import PIECE
from guardian.contracts.edge.v1 import edge_pb2

WINDOW = 8 * PIECE
MAX_READS = 32
PIECE_SECONDS = 10.0
_Asked = edge_pb2.ServeObjectsResponse
_Piece = edge_pb2.ServeObjectsRequest


class ReadError(GuardianError):
    """Bytes that cannot be had; `total_size` is the object's, when the edge said it."""

    def __init__(self, sentence: str, *, reason: str, total_size: int = 0, hint: str = "") -> None:
        super().__init__(sentence, reason=reason, hint=hint)
        self.total_size = total_size


_LOST = ("The connection to the edge broke while the recording was read.", "edge_lost")
_SENTENCES = {
    "not_found": ("The edge no longer has this recording.", "object_gone"),
    "range": ("The recording has no such range.", "range"),
    "io": ("The edge cannot read this recording from its disk.", "edge_disk"),
}


@dataclass
class _Request:
    number: int
    pieces: asyncio.Queue[_Piece | None] = field(default_factory=lambda: asyncio.Queue(WINDOW // PIECE + 8))


class Link:
    """An edge's ServeObjects stream."""

    def __init__(self) -> None:
        self.outgoing: asyncio.Queue[_Asked] = asyncio.Queue(4 * MAX_READS)
        self.closed = asyncio.Event()
        self._requests: dict[int, _Request] = {}
        self._last = 0
        self._reads = asyncio.Semaphore(MAX_READS)

    @property
    def reading(self) -> int:
        """How many windows are open now."""
        return len(self._requests)

    def deliver(self, piece: _Piece) -> None:
        """A piece came; those of a request nobody waits for are dropped."""
        request = self._requests.get(piece.request_id)
        if request is None:
            return
        try:
            request.pieces.put_nowait(piece)
        except asyncio.QueueFull:
            # More than was asked for: the edge is broken or hostile.
            self._requests.pop(piece.request_id, None)

    def close(self) -> None:
        """The stream has ended: everyone who waits learns it."""
        self.closed.set()
        for request in self._requests.values():
            with contextlib.suppress(asyncio.QueueFull):
                request.pieces.put_nowait(None)

    async def read(self, object_id: str, offset: int, length: int) -> AsyncGenerator[_Piece, None]:
        """Pieces of the range in order; `length` 0 is to the end as it is when the first piece comes."""
        async with self._reads:
            end = offset + length if length else None
            settled = False
            while not settled or (end is not None and offset < end):
                asked = WINDOW if end is None else min(WINDOW, end - offset)
                got = 0
                async with contextlib.aclosing(self._window(object_id, offset, asked)) as window:
                    async for piece in window:
                        if not settled:
                            # A clip that grows meanwhile is read to where it ended when the reading began.
                            end = piece.total_size if end is None else min(end, piece.total_size)
                            settled = True
                        got += len(piece.data)
                        if got > asked:
                            raise ReadError("The edge sent more than it was asked for.", reason="edge_misbehaves")
                        yield piece
                offset += got
                if got == 0:
                    raise ReadError("The edge sent nothing.", reason="edge_misbehaves")

    async def _window(self, object_id: str, offset: int, length: int) -> AsyncGenerator[_Piece, None]:
        self._last += 1
        request = _Request(self._last)
        self._requests[request.number] = request
        finished = False
        try:
            await self._ask(_Asked(request_id=request.number, object_id=object_id, offset=offset, length=length))
            while not finished:
                piece = await self._next(request)
                if piece.error_reason:
                    finished = True
                    sentence, reason = _SENTENCES.get(piece.error_reason, ("The edge failed.", "edge_failed"))
                    raise ReadError(sentence, reason=reason, total_size=piece.total_size)
                finished = piece.last
                yield piece
        finally:
            self._requests.pop(request.number, None)
            if not finished and not self.closed.is_set():
                with contextlib.suppress(asyncio.QueueFull):
                    self.outgoing.put_nowait(_Asked(request_id=request.number, cancel=True))

    async def _ask(self, asked: _Asked) -> None:
        if self.closed.is_set():
            raise ReadError(_LOST[0], reason=_LOST[1])
        try:
            async with asyncio.timeout(PIECE_SECONDS):
                await self.outgoing.put(asked)
        except TimeoutError:
            raise _slow() from None

    async def _next(self, request: _Request) -> _Piece:
        try:
            async with asyncio.timeout(PIECE_SECONDS):
                piece = await request.pieces.get()
        except TimeoutError:
            raise _slow() from None
        if piece is None:
            raise ReadError(_LOST[0], reason=_LOST[1])
        return piece


class Links:
    """Those of all edges that are connected."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}

    def join(self, edge_id: str, link: Link) -> None:
        """An edge is ready; a stream it had before is dead and is closed."""
        before = self._links.get(edge_id)
        self._links[edge_id] = link
        if before is not None:
            before.close()

    def leave(self, edge_id: str, link: Link) -> None:
        """A stream has ended."""
        link.close()
        if self._links.get(edge_id) is link:
            del self._links[edge_id]

    def link(self, edge_id: str) -> Link:
        """The edge's stream; ReadError `edge_offline` when it is away."""
        link = self._links.get(edge_id)
        if link is None:
            raise ReadError(
                "The edge that holds this recording is not connected.",
                reason="edge_offline",
                hint="It can be seen again when the edge is back.",
            )
        return link


def _slow() -> ReadError:
    return ReadError("The edge did not answer in time.", reason="edge_slow", hint="Try again in a moment.")
