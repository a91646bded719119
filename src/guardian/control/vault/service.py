"""Slots and roster: checked in form and chain, never opened."""

from collections.abc import Sequence

from guardian.common.clock import now
from guardian.control.accounts.subject import Subject
from guardian.control.database.engine import Database, TenantScope
from guardian.control.errors import Conflict, ControlError, NotFound, TooMany
from guardian.control.vault.repository import RosterRepository, SlotRepository
from guardian.control.vault.schemas import RosterAppend, RosterEntry, RosterHead, RosterPage, Slot
from guardian.vault import roster as chain
from guardian.vault import slots
from guardian.vault.encoding import b64u, dump_json, from_b64u
from guardian.vault.errors import VaultError

MAX_SLOTS = 100
# Entries of a page: at most this many, and no more bytes than a gRPC message takes.
PAGE_ENTRIES = 1000
PAGE_BYTES = 512 * 1024
REST_BYTES = 8 << 20
# An entry has some KiB. Each is read and checked whole when another comes: all tenants share this memory.
MAX_CHAIN_BYTES = 64 << 20


class VaultService:
    """What the vault needs published."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def slots(self, subject: Subject) -> list[Slot]:
        """All slots of the tenant."""
        async with self._database.tenant(subject.tenant_id) as scope:
            return [Slot.model_validate(slot) for slot in await SlotRepository(scope).all()]

    async def put_slot(self, subject: Subject, slot_id: str, slot: Slot) -> None:
        """Publish or replace; 400 `slot_malformed` or `kdf_refused`."""
        body = slot.model_dump(mode="json")
        try:
            checked = slots.Slot.read(dump_json(body))
        except VaultError as error:
            raise ControlError(error.sentence, reason=error.reason) from error
        if checked.id != slot_id:
            raise ControlError("The slot's own id is not the one in the address.", reason="slot_malformed")
        async with self._database.tenant(subject.tenant_id) as scope:
            await scope.lock("slots")
            repository = SlotRepository(scope)
            present = await repository.all()
            if len(present) >= MAX_SLOTS and all(item["id"] != slot_id for item in present):
                raise TooMany(f"A household has at most {MAX_SLOTS} slots.", reason="slots_full", retry_after=3600)
            await _same_household(scope, checked.household)
            await repository.put(slot_id, body, now())

    async def delete_slot(self, subject: Subject, slot_id: str) -> None:
        """Take back; 404 `slot_unknown`."""
        async with self._database.tenant(subject.tenant_id) as scope:
            if not await SlotRepository(scope).delete(slot_id):
                raise NotFound("There is no such slot.", reason="slot_unknown")

    async def roster(self, subject: Subject, first: int) -> RosterPage:
        """A page of the chain."""
        entries = await self.entries(subject.tenant_id, first, most_bytes=REST_BYTES)
        page = [RosterEntry(payload=b64u(entry.payload), signature=b64u(entry.signature)) for entry in entries]
        more = bool(page) and bool(await self.entries(subject.tenant_id, first + len(page), limit=1))
        return RosterPage(first=first, entries=page, next=first + len(page) if more else None)

    async def entries(
        self, tenant_id: str, first: int, limit: int = PAGE_ENTRIES, *, most_bytes: int = PAGE_BYTES
    ) -> Sequence[chain.RosterEntry]:
        """Links from an index on, as many as fit a page."""
        async with self._database.tenant(tenant_id) as scope:
            found = await RosterRepository(scope).entries(first, limit)
        size, count = 0, 0
        for entry in found:
            size += len(entry.payload) + len(entry.signature)
            if count and size > most_bytes:
                break
            count += 1
        return found[:count]

    async def append(self, subject: Subject, body: RosterAppend) -> RosterHead:
        """Add links behind the first `body.first`; 409 `fork`, `stale` or `gap`, 400 when a link does not hold.

        What is stored already may be sent again, up to the newest link: a lost answer is repeated without harm.
        """
        try:
            shown = [chain.RosterEntry(from_b64u(item.payload), from_b64u(item.signature, 64)) for item in body.entries]
        except VaultError as error:
            raise ControlError(error.sentence, reason=error.reason) from error
        async with self._database.tenant(subject.tenant_id) as scope:
            await scope.lock("roster")
            repository = RosterRepository(scope)
            stored = list(await repository.entries())
            if body.first > len(stored):
                raise Conflict(f"Only {len(stored)} entries are stored; send what follows them.", reason="gap")
            fresh = len(stored) - body.first
            if sum(len(entry.payload) for entry in [*stored, *shown[fresh:]]) > MAX_CHAIN_BYTES:
                raise TooMany("The household's roster is full.", reason="roster_full", retry_after=3600)
            known = chain.Roster.verify(stored) if stored else None
            try:
                roster = chain.follow(known, [*stored[: body.first], *shown])
            except VaultError as error:
                raise _refusal(error) from error
            if len(roster) > len(stored):
                await repository.append(len(stored), roster.entries[len(stored) :], now())
                await scope.notify("roster")
        return RosterHead(entries=len(roster), head=roster.head_hash.hex())


async def _same_household(scope: TenantScope, household: str) -> None:
    genesis = await RosterRepository(scope).entries(0, 1)
    if genesis and chain.Roster.verify(genesis).household != household:
        raise ControlError("The slot is of another household.", reason="slot_malformed")


def _refusal(error: VaultError) -> ControlError:
    if error.reason == "stale":
        return Conflict("There are newer entries already. Load the roster again.", reason="stale")
    if error.reason == "fork":
        return Conflict("These entries belong to another chain than the one stored.", reason="fork")
    return ControlError(error.sentence, reason=error.reason)
