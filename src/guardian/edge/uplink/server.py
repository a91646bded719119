"""Answers the node's requests for ranges of sealed objects: pieces of 256 KiB, a bounded number at a time."""

import asyncio
from functools import partial

import grpc.aio

from guardian.common.dialling import Line, announce, end, race, write
from guardian.common.rpc import PIECE
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.edge.uplink.objects import ObjectError, Objects

MAX_AT_ONCE = 16
MAX_WAITING = 256
_QUEUED_PIECES = 16
_Piece = edge_pb2.ServeObjectsRequest
_Asked = edge_pb2.ServeObjectsResponse
_Call = grpc.aio.StreamStreamCall[_Piece, _Asked]


class ObjectServer:
    """One stream at a time."""

    def __init__(self, channel: grpc.aio.Channel, objects: Objects) -> None:
        self._stub = edge_pb2_grpc.EdgeServiceStub(channel)
        self._objects = objects

    async def work(self, line: Line) -> None:
        """One stream, until it breaks."""
        outgoing: asyncio.Queue[_Piece] = asyncio.Queue(_QUEUED_PIECES)
        running: dict[int, asyncio.Task[None]] = {}
        call = self._stub.ServeObjects()
        try:
            up = announce(call, line, "Recordings can be read through the node.")
            await race(up, _send(call, outgoing), self._take(call, outgoing, running))
        finally:
            call.cancel()
            await end(list(running.values()))

    async def _take(self, call: _Call, outgoing: asyncio.Queue[_Piece], running: dict[int, asyncio.Task[None]]) -> None:
        slots = asyncio.Semaphore(MAX_AT_ONCE)
        async for asked in call:
            task = running.get(asked.request_id)
            if asked.cancel or task is not None:
                # A number used twice is the node's mistake: neither is answered.
                if task is not None:
                    task.cancel()
                continue
            if len(running) >= MAX_WAITING:
                await outgoing.put(_Piece(request_id=asked.request_id, error_reason="io", last=True))
                continue
            task = asyncio.create_task(self._answer(asked, outgoing, slots))
            running[asked.request_id] = task
            task.add_done_callback(partial(_forget, running, asked.request_id))

    async def _answer(self, asked: _Asked, outgoing: asyncio.Queue[_Piece], slots: asyncio.Semaphore) -> None:
        async with slots:
            try:
                opened = await asyncio.to_thread(self._objects.open, asked.object_id)
            except ObjectError as error:
                await outgoing.put(_error(asked, error))
                return
            try:
                offset, size = asked.offset, opened.size()
                if offset >= size:
                    raise ObjectError("range", size)
                stop = min(size, offset + asked.length) if asked.length else size
                while offset < stop:
                    data = await asyncio.to_thread(opened.read, offset, min(PIECE, stop - offset))
                    if not data:
                        raise ObjectError("io", opened.size())
                    offset += len(data)
                    await outgoing.put(
                        _Piece(request_id=asked.request_id, total_size=opened.size(), data=data, last=offset >= stop)
                    )
            except ObjectError as error:
                await outgoing.put(_error(asked, error))
            finally:
                opened.close()


def _forget(running: dict[int, asyncio.Task[None]], number: int, _: asyncio.Task[None]) -> None:
    running.pop(number, None)


async def _send(call: _Call, outgoing: asyncio.Queue[_Piece]) -> None:
    # The first message says "ready".
    await write(call, _Piece())
    while True:
        await write(call, await outgoing.get())


def _error(asked: _Asked, error: ObjectError) -> _Piece:
    return _Piece(request_id=asked.request_id, total_size=error.size, error_reason=error.reason, last=True)
