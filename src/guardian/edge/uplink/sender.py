"""Outbox to node: in order, bounded in flight, from the last acknowledged position after every break."""

import asyncio
from collections import deque

import grpc
import grpc.aio

from guardian.common import log
from guardian.common.dialling import Line, announce, race, write
from guardian.common.errors import PeerError
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.edge.uplink.outbox import Outbox
from guardian.edge.uplink.ring import Ring
from guardian.edge.uplink.store import UplinkStore

IN_FLIGHT = 512
_BATCH = 256
_LOOK_SECONDS = 2.0
_Call = grpc.aio.StreamStreamCall[edge_pb2.SendEventsRequest, edge_pb2.SendEventsResponse]
_log = log.get(__name__)


class Sender:
    """Never drops an event: what the node refuses for good is kept with its reason, and the next one goes on."""

    def __init__(self, channel: grpc.aio.Channel, outbox: Outbox, store: UplinkStore, ring: Ring) -> None:
        self._stub = edge_pb2_grpc.EdgeServiceStub(channel)
        self._outbox = outbox
        self._store = store
        self._ring = ring
        # Positions sent and not acknowledged.
        self._open: deque[int] = deque()
        self._room = asyncio.Event()

    async def work(self, line: Line) -> None:
        """One stream, until it breaks."""
        self._open.clear()
        self._room.set()
        cursor = await self._resume()
        call = self._stub.SendEvents()
        try:
            up = announce(call, line, "Events reach the node.")
            await race(up, self._write(call, cursor), self._read(call, line, cursor))
        finally:
            call.cancel()

    async def _resume(self) -> int:
        """The cursor, set back where the node, or the analyzer's outbox, is older: it was restored from a backup."""
        cursor = await asyncio.to_thread(self._store.cursor)
        newest = await asyncio.to_thread(self._outbox.newest)
        there = cursor
        try:
            answer = await self._stub.ResumeEvents(edge_pb2.ResumeEventsRequest(), timeout=10)
            there = answer.acknowledged if answer.HasField("acknowledged") else cursor
        except grpc.aio.AioRpcError as error:
            # A node of the release before does not count.
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise
        back = 0 if 0 <= newest < cursor else min(there, cursor)
        if back < cursor:
            _log.warning("cursor_rewound", before=cursor, position=back)
            await asyncio.to_thread(self._store.rewind, back)
        return back

    async def _write(self, call: _Call, sent: int) -> None:
        while True:
            await self._room.wait()
            count = min(_BATCH, IN_FLIGHT - len(self._open))
            rows = await asyncio.to_thread(self._outbox.after, sent, count)
            for row in rows:
                event = edge_pb2.SignedEvent(event=row.event, signature=row.signature)
                self._open.append(row.position)
                await write(call, edge_pb2.SendEventsRequest(position=row.position, event=event))
                sent = row.position
            if len(self._open) >= IN_FLIGHT:
                self._room.clear()
            if not rows:
                await self._ring.wait(_LOOK_SECONDS)

    async def _read(self, call: _Call, line: Line, last: int) -> None:
        async for answer in call:
            if answer.acknowledged <= last or not self._open or answer.acknowledged > self._open[-1]:
                raise PeerError("The node acknowledged events it was not sent.", reason="acknowledgement")
            last = answer.acknowledged
            refused = [(item.position, item.reason[:64], item.sentence[:512]) for item in answer.refused]
            await asyncio.to_thread(self._store.acknowledge, last, refused)
            for position, reason, sentence in refused:
                _log.warning("event_refused", position=position, reason=reason, sentence=sentence)
            while self._open and self._open[0] <= last:
                self._open.popleft()
            self._room.set()
            line.up("Events reach the node.", acknowledged=last)
