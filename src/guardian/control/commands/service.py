"""Signed commands on their way: checked as far as the control plane can, passed on, answered."""

from collections.abc import Sequence
from datetime import timedelta

from guardian.common.clock import now
from guardian.common.ids import parse_uuid7
from guardian.control.accounts.subject import Subject
from guardian.control.commands.repository import CommandRepository
from guardian.control.commands.schemas import Command, CommandState
from guardian.control.database.engine import Database, Row, TenantScope
from guardian.control.edges.repository import EdgeRepository
from guardian.control.errors import Conflict, ControlError, NotFound
from guardian.control.schemas import plain
from guardian.control.vault.repository import RosterRepository
from guardian.vault import commands as vault_commands
from guardian.vault.encoding import from_b64u
from guardian.vault.errors import VaultError
from guardian.vault.roster import Roster

# An edge takes none older than a day; a little longer here, for clocks that differ.
LONGEST = timedelta(hours=25)


class CommandService:
    """Carries commands; can make none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def post(self, subject: Subject, command: Command) -> CommandState:
        """Accept for delivery; 404 `edge_unknown`, 409 `command_differs`, 400 with the vault's reason."""
        try:
            payload, signature = from_b64u(command.payload), from_b64u(command.signature, 64)
        except VaultError as error:
            raise ControlError(error.sentence, reason=error.reason) from error
        async with self._database.tenant(subject.tenant_id) as scope:
            repository = CommandRepository(scope)
            before = await repository.get(command.id)
            if before is not None:
                return _repeated(before, command.edge_id, payload, signature)
            node_id = await EdgeRepository(scope).node_of(command.edge_id)
            if node_id is None:
                raise NotFound("There is no such edge.", reason="edge_unknown")
            await _check(scope, command, payload, signature)
            values = {
                "id": command.id,
                "node_id": node_id,
                "edge_id": command.edge_id,
                "user_id": subject.user_id,
                "payload": payload,
                "signature": signature,
                "created_at": now(),
                "reason": "",
                "sentence": "",
            }
            await repository.add(values)
            await scope.notify("commands")
            row = await repository.get(command.id)
            return _repeated(row, command.edge_id, payload, signature)

    async def get(self, subject: Subject, command_id: str) -> CommandState:
        """State of a command; 404 `command_unknown`."""
        async with self._database.tenant(subject.tenant_id) as scope:
            row = await CommandRepository(scope).get(command_id)
        if row is None:
            raise NotFound("There is no such command.", reason="command_unknown")
        return _state(row)

    async def waiting(self, tenant_id: str, node_id: str, limit: int = 100) -> Sequence[Row]:
        """Unanswered commands for a node's edges."""
        async with self._database.tenant(tenant_id) as scope:
            return await CommandRepository(scope).waiting(node_id, now() - LONGEST, limit)

    async def answer(
        self, tenant_id: str, node_id: str, command_id: str, *, accepted: bool, reason: str, sentence: str
    ) -> None:
        """An edge's answer; 404 `command_unknown` when it is not of this node."""
        try:
            parse_uuid7(command_id)
        except ValueError:
            raise NotFound("There is no such command.", reason="command_unknown") from None
        async with self._database.tenant(tenant_id) as scope:
            answered = await CommandRepository(scope).answer(
                command_id,
                node_id,
                accepted=accepted,
                reason=plain(reason, 64),
                sentence=plain(sentence, 500),
                moment=now(),
            )
            if not answered:
                raise NotFound("There is no such command.", reason="command_unknown")


async def _check(scope: TenantScope, command: Command, payload: bytes, signature: bytes) -> None:
    """As the edge will check it: what it would refuse need not travel."""
    entries = await RosterRepository(scope).entries()
    if not entries:
        raise Conflict("There is no vault yet, so nobody can sign commands.", reason="no_roster")
    try:
        opened = vault_commands.open_command(payload, signature, Roster.verify(entries), command.edge_id, now())
    except VaultError as error:
        raise ControlError(error.sentence, reason=error.reason) from error
    if opened.id != command.id:
        raise ControlError("The signed command has another id than the message.", reason="command_misaddressed")


def _repeated(row: Row | None, edge_id: str, payload: bytes, signature: bytes) -> CommandState:
    if row is None or (row.edge_id, bytes(row.payload), bytes(row.signature)) != (edge_id, payload, signature):
        raise Conflict("Another command has this id.", reason="command_differs")
    return _state(row)


def _state(row: Row) -> CommandState:
    return CommandState(id=row.id, edge_id=row.edge_id, accepted=row.accepted, reason=row.reason, sentence=row.sentence)
