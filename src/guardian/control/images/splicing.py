"""A generic image with a region spliced in, sent as it is asked for: read block by block, never a copy on disk."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from os import pread

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from guardian.common import log

BLOCK = 1 << 20
_log = log.get(__name__)


@dataclass(frozen=True)
class Spliced:
    """`file` with `region` in the place of as many of its own bytes."""

    file: BufferedReader
    offset: int
    region: bytes

    def read(self, position: int, count: int) -> bytes:
        """From one byte to `count`, of the file or of the region; none where the file ends."""
        end = self.offset + len(self.region)
        if self.offset <= position < end:
            return self.region[position - self.offset :][:count]
        if position < self.offset:
            count = min(count, self.offset - position)
        return pread(self.file.fileno(), count, position)


class SplicedResponse(Response):
    """`status` 200 or 206; bytes `first` up to `end`, or the connection breaks off so that a cut is noticed."""

    def __init__(
        self, status: int, headers: dict[str, str], spliced: Spliced, first: int, end: int, stopping: Callable[[], bool]
    ) -> None:
        super().__init__(status_code=status, headers={**headers, "Content-Length": str(end - first)})
        self._spliced, self._first, self._end, self._stopping = spliced, first, end, stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send at the reader's pace; nothing is read for one who has gone."""
        leaving = asyncio.create_task(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            position = self._first
            while position < self._end and not leaving.done() and not self._stopping():
                data = await asyncio.to_thread(self._spliced.read, position, min(BLOCK, self._end - position))
                if not data:
                    _log.error("image_broken", path=str(self._spliced.file.name))
                    return
                position += len(data)
                await send({"type": "http.response.body", "body": data, "more_body": position < self._end})
        finally:
            self._spliced.file.close()
            leaving.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await leaving


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
