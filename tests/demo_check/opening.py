"""Opens everything the owner can open, as the owner would: slots and roster from the API, the secret remembered."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guardian.vault import reader, roster, roster_author, slots


def owner_texts(
    entries: list[dict[str, str]], slot_documents: list[dict[str, Any]], secret: str, folders: list[Path]
) -> Iterator[tuple[str, bytes]]:
    """Clear text of each part of each sealed object below the folders, named; a cut one up to its last whole part."""
    chain = roster.follow(None, [_entry(item) for item in entries])
    document = next(item for item in slot_documents if item["kind"] == "secret")
    slot = slots.Slot.read(json.dumps(document).encode())
    keys = slots.open_with_secret(slot, secret, chain)
    author = roster_author.Author(slot.member, keys)
    epochs = roster_author.open_epochs(chain, author)
    for folder in folders:
        for path in sorted(folder.rglob("*.sealed")):
            with reader.FileSource(path) as source:
                sealed = reader.open_of_any_edge(source, chain, epochs)
                for number, content in enumerate(sealed.content()):
                    yield f"{path.name} {sealed.header.metadata.kind} part {number}", content


def _entry(item: dict[str, str]) -> roster.RosterEntry:
    return roster.RosterEntry(_unb64(item["payload"]), _unb64(item["signature"]))


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
