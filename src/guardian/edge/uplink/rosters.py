"""The owner's roster from the node: checked, never shorter, never another; then it replaces `roster.json`."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import grpc.aio

from guardian.common import log
from guardian.common.dialling import Line
from guardian.common.errors import GuardianError
from guardian.common.files import write_atomic
from guardian.common.health import Health
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.edge.roster import RosterError, path_of, refuse_other
from guardian.vault import roster as vault_roster
from guardian.vault.errors import VaultError
from guardian.vault.roster import Roster, RosterEntry

_log = log.get(__name__)


class RosterKeeper:
    """Holds the pinned chain. `fault` is what the node showed that cannot be, '' when all is well."""

    def __init__(self, state_dir: Path, channel: grpc.aio.Channel, health: Health, fingerprint: str = "") -> None:
        """`fingerprint`: of the household the seed named, '' for none; of any other no roster is taken."""
        self._path = path_of(state_dir)
        self._stub = edge_pb2_grpc.EdgeServiceStub(channel)
        self._health = health
        self._fingerprint = fingerprint
        self.current: Roster | None = _read(self._path, fingerprint)
        self.fault = ""
        # Called when chain or fault changed: the node should learn of it at once.
        self.changed: Callable[[], None] = lambda: None
        self._report()

    async def work(self, line: Line) -> None:
        """One stream, until it breaks.

        The newest entry we have is asked for again: since each entry names the one before, seeing it unchanged
        proves the node's whole chain the same, and seeing another proves a fork.
        """
        have = len(self.current) if self.current else 0
        call = self._stub.SyncRoster(edge_pb2.SyncRosterRequest(have_entries=max(0, have - 1)))
        try:
            compared = have == 0
            async for answer in call:
                line.up("The roster is in step with the node.")
                entries = [RosterEntry(item.payload, item.signature) for item in answer.entries]
                try:
                    if not compared and not entries:
                        raise VaultError("stale")
                    await self._take(answer.first, entries)
                except (VaultError, RosterError) as error:
                    self._reject(error)
                    # The stream stays open: when the node's chain is put right, a new stream will show it.
                    return
                compared = True
        finally:
            call.cancel()

    async def _take(self, first: int, entries: list[RosterEntry]) -> None:
        pinned = self.current
        own = list(pinned.entries) if pinned else []
        if first > len(own):
            raise VaultError("stale" if pinned and not entries else "roster_order")
        shown = [*own[:first], *entries]
        if pinned and len(shown) < len(own) and tuple(shown) == pinned.entries[: len(shown)]:
            return
        if shown:
            grown = await asyncio.to_thread(vault_roster.follow, pinned, shown)
            refuse_other(grown, self._fingerprint)
            if pinned is None or len(grown) > len(pinned):
                data = vault_roster.to_json(grown.entries)
                await asyncio.to_thread(write_atomic, self._path, data, mode=0o640)
                self.current = grown
                self.changed()
                _log.info("roster_grew", entries=len(grown))
        self.fault = ""
        self._report()

    def _reject(self, error: GuardianError) -> None:
        if str(error) != self.fault:
            _log.error("roster_refused", reason=error.reason, sentence=str(error))
            self.fault = str(error)
            self.changed()
        goes_on = " The one seen before goes on being used." if self.current is not None else ""
        self._health.set("roster", "failed", f"{error}{goes_on}", reason=error.reason)

    def _report(self) -> None:
        if self.current is None:
            self._health.set("roster", "waiting", "Waiting for the owner's vault.", reason="no_roster")
        else:
            count = len(self.current)
            self._health.set("roster", "ok", f"The owner's roster has {count} entries.", entries=count)


def _read(path: Path, fingerprint: str) -> Roster | None:
    """The chain kept before. One of another household than the newest seed named is not followed any more."""
    try:
        roster = Roster.verify(vault_roster.from_json(path.read_bytes()))
        refuse_other(roster, fingerprint)
        return roster
    except RosterError:
        return None
    except FileNotFoundError:
        return None
    except VaultError as error:
        # Forgetting the pin would let a node choose another household: a person must look.
        raise VaultError(
            error.reason, f"in {path}", hint="Restore the file, or remove it to trust the node's roster anew."
        ) from error
