"""An answer that streams sealed bytes at the reader's pace and stops reading the moment nobody listens."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

import grpc.aio
from starlette.types import Receive, Scope, Send

from guardian.common import log, rpc
from guardian.node.relay.gateway import Reading

_log = log.get(__name__)


class ObjectResponse:
    """`status` 200 or 206; exactly `length` bytes, or the connection breaks off so that a cut is noticed."""

    def __init__(
        self, status: int, headers: dict[str, str], length: int, reading: Reading, alive: Callable[[], bool]
    ) -> None:
        self._status = status
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._length = length
        self._reading = reading
        self._alive = alive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                if not task.done():
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await task
            await self._reading.rest.aclose()

    async def _send(self, send: Send) -> None:
        headers = [*self._headers, (b"content-length", str(self._length).encode())]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        left = self._length
        async with contextlib.aclosing(self._pieces()) as pieces:
            async for data in pieces:
                data = data[:left]
                left -= len(data)
                await send({"type": "http.response.body", "body": data, "more_body": left > 0})
                if left == 0:
                    return

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        yield self._reading.first
        try:
            async for data in self._reading.rest:
                if not self._alive():
                    return
                yield data
        except grpc.aio.AioRpcError as error:
            # The headers are out: all that can be said is a body that ends too early.
            _log.warning("reading_broken", reason=rpc.reason_of(error) or error.code().name)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
