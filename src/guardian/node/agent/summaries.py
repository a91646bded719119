"""Events from the gateway to the control plane as summaries, from the last acknowledged position on."""

import asyncio

import grpc
import grpc.aio

from guardian.common import log, rpc
from guardian.common.dialling import Line, announce, race, write
from guardian.common.errors import PeerError
from guardian.contracts.control.v1 import control_pb2, control_pb2_grpc
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.node.agent.gateway import asking_gateway
from guardian.node.agent.mapping import summary
from guardian.node.agent.store import AgentStore

IN_FLIGHT = 256
_Call = grpc.aio.StreamStreamCall[control_pb2.SendSummariesRequest, control_pb2.SendSummariesResponse]
_log = log.get(__name__)


class Summaries:
    """At most IN_FLIGHT summaries are sent and not acknowledged."""

    def __init__(self, gateway: grpc.aio.Channel, control: grpc.aio.Channel, store: AgentStore) -> None:
        self._gateway = node_pb2_grpc.GatewayServiceStub(gateway)
        self._control = control_pb2_grpc.AgentServiceStub(control)
        self._store = store
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._sent: list[int] = []

    async def work(self, line: Line) -> None:
        """One pair of streams, until one breaks."""
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._sent = []
        cursor = await self._resume()
        call = self._control.SendSummaries()
        try:
            up = announce(call, line, "Event summaries reach the control plane.")
            await race(up, self._write(call, cursor), self._read(call, line, cursor))
        finally:
            call.cancel()

    async def _resume(self) -> int:
        """The cursor, set back where the control plane is older: it was restored from a backup."""
        cursor = self._store.cursor()
        try:
            answer = await self._control.ResumeSummaries(control_pb2.ResumeSummariesRequest(), timeout=10)
        except grpc.aio.AioRpcError as error:
            # A control plane of the release before does not count.
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise
            return cursor
        if answer.HasField("acknowledged") and answer.acknowledged < cursor:
            return await self._rewind(cursor, answer.acknowledged)
        return cursor

    async def _rewind(self, before: int, position: int) -> int:
        _log.warning("cursor_rewound", before=before, position=position)
        await asyncio.to_thread(self._store.advance, position)
        return position

    async def _write(self, call: _Call, cursor: int) -> None:
        events = self._gateway.WatchEvents(node_pb2.WatchEventsRequest(after=cursor))
        try:
            with asking_gateway():
                async for item in events:
                    await self._room.acquire()
                    made = summary(edge_pb2.Event.FromString(item.event.event))
                    self._sent.append(item.position)
                    await write(call, control_pb2.SendSummariesRequest(position=item.position, summary=made))
        except grpc.aio.AioRpcError as error:
            # The node's own store was restored, this one was not: its positions mean other events now.
            if rpc.reason_of(error) == "position_ahead":
                await self._rewind(cursor, 0)
            raise
        finally:
            events.cancel()

    async def _read(self, call: _Call, line: Line, last: int) -> None:
        async for answer in call:
            if answer.acknowledged < last or not self._sent or answer.acknowledged > self._sent[-1]:
                raise PeerError("The control plane acknowledged what it was not sent.", reason="acknowledgement")
            for item in answer.refused:
                _log.warning(
                    "summary_refused", position=item.position, reason=item.reason, sentence=item.sentence[:512]
                )
            last = answer.acknowledged
            await asyncio.to_thread(self._store.advance, last)
            while self._sent and self._sent[0] <= last:
                self._sent.pop(0)
                self._room.release()
            line.up("Event summaries reach the control plane.", acknowledged=last)
