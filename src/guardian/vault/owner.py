"""What an owner does with her vault: begin it, unlock it, change its secret, open a clip. Reads no terminal."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from guardian.common.files import sync_directory
from guardian.vault import recovery, roster_author, slots
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys
from guardian.vault.reader import SealedObject
from guardian.vault.roster import Roster
from guardian.vault.roster_author import Author
from guardian.vault.slots import Slot


@dataclass(frozen=True)
class Begun:
    """A fresh household. `recovery_code` is shown once and kept nowhere."""

    author: Author
    roster: Roster
    slots: tuple[Slot, ...]
    recovery_code: str


def begin(name: str, secret: str) -> Begun:
    """Make a household of one member, with a slot for her secret and one for a recovery code."""
    keys = Keys.generate()
    author, entry = roster_author.genesis(name, keys)
    roster = Roster.verify([entry])
    household = roster.household
    code = recovery.new_code()
    made = (
        slots.create_with_secret(secret, household, author.id, keys),
        slots.create_with_recovery(code, household, author.id, keys),
    )
    return Begun(author, roster, made, recovery.write(code))


def unlock(stored: Iterable[Slot], roster: Roster, secret: str) -> Author:
    """The member whose secret this is; `wrong_secret` if no slot opens."""
    for slot in stored:
        if slot.kind == "secret":
            try:
                return Author(slot.member, slots.open_with_secret(slot, secret, roster))
            except VaultError as error:
                _go_on_if_not_hers(error)
    raise VaultError("wrong_secret")


def unlock_by_recovery(stored: Iterable[Slot], roster: Roster, code_text: str) -> Author:
    """The member whose recovery code this is."""
    recovery.read(code_text)
    for slot in stored:
        if slot.kind == "recovery":
            try:
                return Author(slot.member, slots.open_with_recovery(slot, code_text, roster))
            except VaultError as error:
                _go_on_if_not_hers(error)
    raise VaultError("wrong_secret")


def change_secret(stored: Sequence[Slot], roster: Roster, author: Author, secret: str) -> tuple[Slot, ...]:
    """The slots to store from now on: her secret's slot is another under its old id, nothing else changes."""
    old = next((slot.id for slot in stored if slot.kind == "secret" and slot.member == author.id), None)
    fresh = slots.create_with_secret(secret, roster.household, author.id, author.keys, slot_id=old)
    return (*(slot for slot in stored if slot.id != old), fresh)


def write_content(sealed: SealedObject, path: Path) -> None:
    """Write an opened object's content, all of it checked before, to a new file: an MP4 that plays, or a JPEG."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in sealed.content():
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def _go_on_if_not_hers(error: VaultError) -> None:
    # Another member's slot, or one of somebody who left: not the one asked for.
    if error.reason not in {"wrong_secret", "revoked", "stranger"}:
        raise error
