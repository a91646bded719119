"""Roster and commands from the control plane to the gateway, and the edges' answers back."""

import grpc.aio

from guardian.common import log, rpc
from guardian.common.dialling import Line, announce, race
from guardian.common.errors import PeerError
from guardian.contracts.control.v1 import control_pb2, control_pb2_grpc
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.contracts.vault.v1 import vault_pb2
from guardian.node.agent.gateway import asking_gateway

_Receiving = grpc.aio.UnaryStreamCall[control_pb2.ReceiveCommandsRequest, control_pb2.ReceiveCommandsResponse]
_Syncing = grpc.aio.UnaryStreamCall[control_pb2.SyncRosterRequest, control_pb2.SyncRosterResponse]
_FINAL = frozenset({"edge_unknown", "command_malformed", "command_conflict"})
_log = log.get(__name__)


class RosterRefused(PeerError):
    """A chain the gateway does not take: the control plane contradicts what it showed before."""


class RosterSync:
    """The gateway checks the chain; what it refuses is told in this daemon's health."""

    def __init__(self, gateway: grpc.aio.Channel, control: grpc.aio.Channel) -> None:
        self._gateway = node_pb2_grpc.GatewayServiceStub(gateway)
        self._control = control_pb2_grpc.AgentServiceStub(control)

    async def work(self, line: Line) -> None:
        """One stream, until it breaks."""
        have = await self._have()
        # The newest entry is asked for again: another one there shows a fork at once.
        call = self._control.SyncRoster(control_pb2.SyncRosterRequest(have_entries=max(0, have - 1)))
        await race(announce(call, line, "The roster follows the control plane."), self._follow(call, line, have))

    async def _follow(self, call: _Syncing, line: Line, have: int) -> None:
        try:
            async for answer in call:
                if answer.first > have:
                    raise PeerError("The control plane skipped entries of the roster.", reason="roster_order")
                append = node_pb2.AppendRosterRequest(first=answer.first, entries=answer.entries)
                try:
                    with asking_gateway():
                        have = (await self._gateway.AppendRoster(append, timeout=30)).have_entries
                except grpc.aio.AioRpcError as error:
                    if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                        _log.error("roster_refused", reason=rpc.reason_of(error))
                        raise RosterRefused(error.details() or "", reason=rpc.reason_of(error)) from error
                    raise
                line.up("The roster is in step with the control plane.", entries=have)
        finally:
            call.cancel()

    async def _have(self) -> int:
        have = 0
        while True:
            with asking_gateway():
                answer = await self._gateway.GetRoster(node_pb2.GetRosterRequest(have_entries=have), timeout=30)
            if not answer.entries:
                return have
            have += len(answer.entries)


class Commands:
    """Carries commands down and answers up; can make neither."""

    def __init__(self, gateway: grpc.aio.Channel, control: grpc.aio.Channel) -> None:
        self._gateway = node_pb2_grpc.GatewayServiceStub(gateway)
        self._control = control_pb2_grpc.AgentServiceStub(control)

    async def work(self, line: Line) -> None:
        """Both directions, until one breaks."""
        call = self._control.ReceiveCommands(control_pb2.ReceiveCommandsRequest())
        await race(announce(call, line, "Commands are received."), self._down(call), self._up())

    async def _down(self, call: _Receiving) -> None:
        try:
            async for answer in call:
                await self._put(answer.command)
        finally:
            call.cancel()

    async def _put(self, command: vault_pb2.SignedCommand) -> None:
        try:
            await self._gateway.PutCommand(node_pb2.PutCommandRequest(command=command), timeout=10)
        except grpc.aio.AioRpcError as error:
            reason = rpc.reason_of(error)
            if reason not in _FINAL:
                raise
            # No edge will ever answer this one: the node says so itself.
            result = vault_pb2.CommandResult(
                command_id=command.id, accepted=False, reason=reason, sentence=error.details() or ""
            )
            await self._tell(result)

    async def _tell(self, result: vault_pb2.CommandResult) -> None:
        try:
            await self._control.ReportCommand(control_pb2.ReportCommandRequest(result=result), timeout=10)
        except grpc.aio.AioRpcError as error:
            # What the control plane has forgotten it will never take.
            if rpc.reason_of(error) != "command_unknown":
                raise

    async def _up(self) -> None:
        call = self._gateway.WatchCommandResults(node_pb2.WatchCommandResultsRequest())
        try:
            async for answer in call:
                await self._tell(answer.result)
                confirm = node_pb2.AckCommandResultRequest(command_id=answer.result.command_id)
                await self._gateway.AckCommandResult(confirm, timeout=10)
        finally:
            call.cancel()
