"""V5: the secret leaves no trace in what is published. V6: a new secret, person or code re-encrypts no clip."""

import base64
import json
import traceback

import pytest
from tests.unit.vault.opening import CLIP_ID, Opener, refusal
from tests.vectors.household import TIME, Home, known_id, known_keys, seal_clip

from guardian.vault import recovery, roster, roster_author, slots
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys
from guardian.vault.roster_author import Author
from guardian.vault.slots import Slot

SECRET = "correct horse battery staple"


@pytest.fixture(scope="module")
def slot(home: Home) -> Slot:
    return slots.create_with_secret(SECRET, home.roster.household, home.owner.id, home.owner.keys)


def test_v5_neither_secret_nor_keys_stand_in_a_slot(slot: Slot, home: Home) -> None:
    published = slot.to_json()
    for secret in (SECRET.encode(), *home.owner.keys.seeds()):
        for form in (secret, base64.urlsafe_b64encode(secret).rstrip(b"="), secret.hex().encode()):
            assert form not in published


def test_v5_neither_secret_nor_keys_stand_in_a_refusal_or_a_repr(slot: Slot, foreign: Home, home: Home) -> None:
    for attempt in (
        lambda: slots.open_with_secret(slot, SECRET, foreign.roster),
        lambda: slots.open_with_secret(slot, SECRET + "\ud800", home.roster),
        lambda: slots.open_with_recovery(slot, recovery.write(bytes(16)), home.roster),
        lambda: recovery.read("AAAA-BBBB-" + SECRET),
    ):
        with pytest.raises(VaultError) as caught:
            attempt()
        shown = caught.value.sentence + caught.value.hint + repr(caught.value)
        assert SECRET not in shown
        assert SECRET not in "".join(traceback.format_exception_only(caught.value))
    assert repr(home.owner.keys) == "Keys(…)"
    assert "Keys(…)" in repr(home.owner)


def test_v5_guessing_costs_no_less_than_the_agreed_work(slot: Slot) -> None:
    kdf = json.loads(slot.to_json())["kdf"]
    assert (kdf["name"], kdf["m"], kdf["t"], kdf["p"]) == ("argon2id", 65_536, 3, 4)


def test_v6_a_changed_secret_opens_the_same_clip(slot: Slot, home: Home, clip: bytes) -> None:
    keys = slots.open_with_secret(slot, SECRET, home.roster)
    changed = slots.create_with_secret("another", home.roster.household, home.owner.id, keys)
    again = slots.open_with_secret(Slot.read(changed.to_json()), "another", home.roster)
    epochs = dict(roster_author.open_epochs(home.roster, Author(home.owner.id, again)))
    assert Opener(home, epochs).read(clip)[0] == "complete"


def test_v6_a_recovery_code_and_a_passkey_open_the_same_keys(home: Home) -> None:
    code = recovery.new_code()
    household, owner = home.roster.household, home.owner
    by_code = slots.create_with_recovery(code, household, owner.id, owner.keys)
    by_passkey = slots.create_with_passkey(bytes(32), household, owner.id, owner.keys)
    assert slots.open_with_recovery(by_code, recovery.write(code), home.roster).seeds() == owner.keys.seeds()
    assert slots.open_with_passkey(by_passkey, bytes(32), home.roster).seeds() == owner.keys.seeds()


def test_v6_a_new_member_opens_clips_sealed_before_she_came(home: Home, clip: bytes) -> None:
    keys = known_keys("newcomer")
    member = roster_author.describe_member("Newcomer", keys, known_id("newcomer"))
    grown = home.roster.extend([roster_author.add_member(home.roster, home.partner, member)])
    epochs = dict(roster_author.open_epochs(grown, Author(member.id, keys)))
    assert sorted(epochs) == [1, 2]
    assert Opener(home, epochs).read(clip)[0] == "complete"


def test_v6_a_removed_member_opens_what_was_before_and_nothing_after(home: Home, clip: bytes) -> None:
    epochs = dict(roster_author.open_epochs(home.roster, home.left))
    assert sorted(epochs) == [1]
    before = seal_clip(home.edge_keys, home.roster.state.epochs[0], home.metadata(), CLIP_ID)
    assert Opener(home, epochs).read(before)[0] == "complete"
    assert Opener(home, epochs).refused(clip) == "epoch_unknown"


def test_v6_a_wrap_that_holds_another_key_than_its_epoch_is_refused(home: Home) -> None:
    """A member who files a false key under an epoch is found out by whoever opens it."""
    keys = known_keys("newcomer")
    member = roster_author.describe_member("Newcomer", keys, known_id("newcomer"))
    entry = json.loads(roster_author.add_member(home.roster, home.owner, member, time=TIME).payload)
    wraps = entry["action"]["wraps"]
    forged = roster_author._wrap(home.roster.household, 1, bytes(32), member)
    wraps[0]["wrap"] = json.loads(forged.to_json())
    payload = json.dumps(entry).encode()
    signed = roster.RosterEntry(payload, home.owner.keys.sign(b"guardian/roster/v1\0" + payload))
    grown = home.roster.extend([signed])
    assert refusal(lambda: roster_author.open_epochs(grown, Author(member.id, keys))) == "wrong_key"


def test_v6_fresh_keys_differ() -> None:
    assert Keys.generate().seeds() != Keys.generate().seeds()
