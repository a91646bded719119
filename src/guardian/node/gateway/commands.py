"""Commands on their way to edges and the answers on their way back; the node carries both and can make neither."""

import sqlalchemy as sa

from guardian.common.clock import now, to_text
from guardian.common.errors import GuardianError
from guardian.contracts.vault.v1 import vault_pb2
from guardian.node.gateway.bell import Bell
from guardian.node.gateway.store import Store


class CommandError(GuardianError):
    """A command that cannot be carried."""


class Commands:
    """`new` rings when a command came, `answered` when a result did."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.new = Bell()
        self.answered = Bell()

    async def put(self, command: vault_pb2.SignedCommand) -> None:
        """Store a command; a repeat is harmless, another one under the same id is refused."""

        def work(connection: sa.Connection) -> None:
            query = "SELECT edge_id, payload, signature FROM commands WHERE id = ?"
            row = connection.exec_driver_sql(query, (command.id,)).one_or_none()
            if row is not None:
                if tuple(row) != (command.edge_id, command.payload, command.signature):
                    raise CommandError("Another command was sent under this id before.", reason="command_conflict")
                return
            connection.exec_driver_sql(
                "INSERT INTO commands (id, edge_id, payload, signature, received_at) VALUES (?, ?, ?, ?, ?)",
                (command.id, command.edge_id, command.payload, command.signature, to_text(now())),
            )

        await self._store.writer.run(work)
        self.new.ring()

    async def open_for(self, edge_id: str) -> list[vault_pb2.SignedCommand]:
        """Commands the edge has not answered, oldest first."""
        query = "SELECT id, edge_id, payload, signature FROM commands WHERE edge_id = ? AND result IS NULL ORDER BY id"

        def work(connection: sa.Connection) -> list[vault_pb2.SignedCommand]:
            return [
                vault_pb2.SignedCommand(id=row[0], edge_id=row[1], payload=row[2], signature=row[3])
                for row in connection.exec_driver_sql(query, (edge_id,))
            ]

        return await self._store.read(work)

    async def answer(self, edge_id: str, result: vault_pb2.CommandResult) -> None:
        """Keep an edge's answer; the first one counts, and only that of the edge the command was for."""

        def work(connection: sa.Connection) -> None:
            query = "SELECT edge_id FROM commands WHERE id = ?"
            owner = connection.exec_driver_sql(query, (result.command_id,)).scalar_one_or_none()
            if owner != edge_id:
                raise CommandError("This node has no such command for this edge.", reason="command_unknown")
            connection.exec_driver_sql(
                "UPDATE commands SET result = ? WHERE id = ? AND result IS NULL",
                (result.SerializeToString(), result.command_id),
            )

        await self._store.writer.run(work)
        self.answered.ring()

    async def unconfirmed(self) -> list[vault_pb2.CommandResult]:
        """Answers the control plane has not confirmed."""
        query = "SELECT result FROM commands WHERE result IS NOT NULL AND confirmed = 0 ORDER BY id"

        def work(connection: sa.Connection) -> list[vault_pb2.CommandResult]:
            rows = connection.exec_driver_sql(query).scalars()
            return [vault_pb2.CommandResult.FromString(row) for row in rows]

        return await self._store.read(work)

    async def confirm(self, command_id: str) -> None:
        """The control plane has the answer."""

        def work(connection: sa.Connection) -> None:
            connection.exec_driver_sql("UPDATE commands SET confirmed = 1 WHERE id = ?", (command_id,))

        await self._store.writer.run(work)
