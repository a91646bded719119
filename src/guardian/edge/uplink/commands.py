"""Commands from members: checked against the roster, carried out once, answered until the node has the answer."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import grpc.aio
import sqlalchemy as sa

from guardian.common import ids, log, rpc
from guardian.common.clock import now
from guardian.common.dialling import Line
from guardian.common.errors import GuardianError
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.contracts.vault.v1 import vault_pb2
from guardian.edge.identity import Identity
from guardian.edge.uplink.store import Result, UplinkStore, name_camera
from guardian.vault.commands import open_command
from guardian.vault.errors import VaultError
from guardian.vault.roster import Roster

_Effect = Callable[[sa.Connection], None]
_log = log.get(__name__)


class CommandRefused(GuardianError):
    """A well-made command this edge cannot carry out."""


class CommandRunner:
    """Believes the payload's signature, not the envelope."""

    def __init__(
        self,
        who: Identity,
        channel: grpc.aio.Channel,
        store: UplinkStore,
        roster: Callable[[], Roster | None],
        cameras: Callable[[], Mapping[str, str]],
        changed: Callable[[], None],
    ) -> None:
        self._who = who
        self._stub = edge_pb2_grpc.EdgeServiceStub(channel)
        self._store = store
        self._roster = roster
        self._cameras = cameras
        self._changed = changed

    async def work(self, line: Line) -> None:
        """One stream, until it breaks."""
        for result in self._store.unreported():
            await self._report(result)
        call = self._stub.ReceiveCommands(edge_pb2.ReceiveCommandsRequest())
        try:
            await call.wait_for_connection()
            line.up("Commands are received.")
            async for answer in call:
                await self._report(self.carry_out(answer.command))
        finally:
            call.cancel()

    def carry_out(self, command: vault_pb2.SignedCommand) -> Result:
        """The answer to a command: a new one, or the one it got before."""
        before = self._store.result(command.id)
        if before is not None:
            return before
        effect: _Effect | None = None
        try:
            effect = self._prepare(command)
            result = Result(command.id, True, "done", "Done.")
        except (VaultError, CommandRefused) as error:
            result = Result(command.id, False, error.reason, str(error))
        if _is_id(command.id):
            self._store.finish(result, effect)
            self._changed()
        _log.info("command_answered", command=command.id[:36], accepted=result.accepted, reason=result.reason)
        return result

    def _prepare(self, command: vault_pb2.SignedCommand) -> _Effect:
        roster = self._roster()
        if roster is None:
            raise CommandRefused("This edge has no household yet.", reason="stranger")
        opened = open_command(command.payload, command.signature, roster, self._who.edge, now())
        if opened.id != command.id:
            raise VaultError("command_misaddressed")
        action = opened.action
        if action["type"] == "rename_camera":
            return self._rename_camera(action)
        raise CommandRefused("This edge's release does not know that command.", reason="command_unknown_action")

    def _rename_camera(self, action: dict[str, Any]) -> _Effect:
        camera, name = action.get("camera"), action.get("name")
        if set(action) != {"type", "camera", "name"} or not isinstance(camera, str) or not isinstance(name, str):
            raise VaultError("command_malformed")
        if not 1 <= len(name) <= 64 or not name.isprintable():
            raise CommandRefused("A camera's name has 1 to 64 characters.", reason="camera_name")
        if camera not in self._cameras():
            raise CommandRefused("This edge has no such camera.", reason="camera_unknown")
        return lambda connection: name_camera(connection, camera, name)

    async def _report(self, result: Result) -> None:
        message = vault_pb2.CommandResult(
            command_id=result.command_id, accepted=result.accepted, reason=result.reason, sentence=result.sentence
        )
        try:
            await self._stub.ReportCommand(edge_pb2.ReportCommandRequest(result=message), timeout=10)
        except grpc.aio.AioRpcError as error:
            # A node that does not know the command any more will never take its answer.
            if rpc.reason_of(error) != "command_unknown":
                raise
        await asyncio.to_thread(self._store.reported, result.command_id)


def _is_id(text: str) -> bool:
    with contextlib.suppress(ValueError):
        ids.parse_uuid7(text)
        return True
    return False
