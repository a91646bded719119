"""V8: node and control plane can add no member, key, edge or command of their own."""

import json
from datetime import timedelta
from functools import partial

import pytest
from tests.unit.vault.opening import refusal
from tests.vectors.household import TIME, Home, edge_of, known_id, known_keys
from tests.vectors.of_messages import COMMAND

from guardian.vault import commands, messages, recovery, roster, roster_author, slots
from guardian.vault.errors import VaultError
from guardian.vault.roster import Roster, RosterEntry, follow
from guardian.vault.roster_author import Author
from guardian.vault.words import word_list

CARRIER = Author(known_id("carrier"), known_keys("carrier"))


def test_v8_a_carrier_can_add_nothing_under_any_name(home: Home) -> None:
    member = roster_author.describe_member("Carrier", CARRIER.keys, CARRIER.id)
    for name in (CARRIER.id, home.owner.id, home.edge.id, home.left.id):
        posing = Author(name, CARRIER.keys)
        added = roster_author.add_edge(home.roster, posing, edge_of("carrier's edge"), time=TIME)
        assert refusal(partial(home.roster.extend, [added])) in {"roster_author", "bad_signature"}
    entry = roster_author.add_edge(home.roster, home.owner, edge_of("new"), time=TIME)
    swapped = RosterEntry(entry.payload.replace(b'"new"', b'"own"'), entry.signature)
    assert refusal(lambda: home.roster.extend([swapped])) == "bad_signature"
    assert member.id not in home.roster.members


def test_v8_a_carriers_own_household_has_other_words(home: Home) -> None:
    """Before the words are compared nothing tells it apart; comparing them does."""
    _, first = roster_author.genesis("Owner", CARRIER.keys, member_id=home.owner.id, time=TIME)
    fake = Roster.verify([first])
    keys = home.edge_keys
    assert fake.edge_words(keys.sign_public, keys.receive_public) != home.roster.edge_words(
        keys.sign_public, keys.receive_public
    )
    assert refusal(lambda: fake.follows(home.roster)) == "fork"
    assert refusal(lambda: follow(home.roster, fake.entries)) == "fork"


def test_v8_a_carriers_own_beginning_cannot_be_put_under_the_owners_slot(home: Home) -> None:
    """A browser or terminal that has seen nothing yet would else believe whomever the carrier calls member and edge."""
    code = recovery.new_code()
    slot = slots.create_with_recovery(code, home.roster.household, home.owner.id, home.owner.keys)
    carrier, first = roster_author.genesis("Owner", CARRIER.keys, time=TIME)
    fake = Roster.verify([first])
    owner = home.roster.member(home.owner.id)
    fake = fake.extend([roster_author.add_member(fake, carrier, owner, time=TIME)])
    fake = fake.extend([roster_author.add_edge(fake, carrier, edge_of("carrier's edge"), time=TIME)])
    assert refusal(lambda: slots.open_with_recovery(slot, recovery.write(code), fake)) == "wrong_member"
    renamed = json.loads(first.payload) | {"household": home.roster.household}
    payload = json.dumps(renamed).encode()
    signed = RosterEntry(payload, CARRIER.keys.sign(b"guardian/roster/v1\0" + payload))
    assert refusal(lambda: Roster.verify([signed])) == "roster_action"


def test_v8_words_change_with_either_key_of_the_edge(home: Home) -> None:
    keys, other = home.edge_keys, known_keys("other")
    words = home.roster.edge_words(keys.sign_public, keys.receive_public)
    assert len(words) == 10
    assert words != home.roster.edge_words(other.sign_public, keys.receive_public)
    assert words != home.roster.edge_words(keys.sign_public, other.receive_public)


def test_v8_a_holder_keeps_the_highest_chain_it_has_seen(home: Home) -> None:
    short = Roster.verify(home.roster.entries[:4])
    assert follow(short, home.roster.entries) == home.roster
    assert follow(home.roster, home.roster.entries) == home.roster
    assert refusal(lambda: follow(home.roster, home.roster.entries[:4])) == "stale"
    assert refusal(lambda: short.follows(home.roster)) == "stale"
    side = short.extend([roster_author.add_edge(short, home.owner, edge_of("side"), time=TIME)])
    assert refusal(lambda: side.follows(home.roster)) == "fork"
    assert refusal(lambda: follow(side, home.roster.entries)) == "fork"
    home.roster.follows(short)
    home.roster.follows(None)


def test_v8_every_single_change_of_an_entry_breaks_the_chain(home: Home) -> None:
    entries = list(home.roster.entries)
    for index, entry in enumerate(entries):
        for at in range(0, len(entry.payload), 97):
            payload = bytearray(entry.payload)
            payload[at] ^= 1
            broken = [*entries[:index], RosterEntry(bytes(payload), entry.signature), *entries[index + 1 :]]
            with pytest.raises(VaultError):
                Roster.verify(broken)


def test_v8_stored_and_read_again_it_is_the_same_chain(home: Home) -> None:
    stored = roster.to_json(home.roster.entries)
    assert Roster.verify(roster.from_json(stored)) == home.roster


def test_v8_no_more_entries_or_larger_ones_than_allowed(home: Home) -> None:
    large = RosterEntry(b" " * (256 * 1024 + 1), bytes(64))
    assert refusal(lambda: home.roster.extend([large])) == "roster_malformed"
    assert refusal(lambda: home.roster.extend([large] * 10_000)) == "roster_malformed"


def test_v8_a_command_is_taken_from_a_member_of_now_alone(home: Home) -> None:
    def taken(author: Author) -> object:
        payload, signature = commands.make_command(
            author, home.roster, home.edge.id, COMMAND, {"type": "delete"}, issued=TIME,
            expires=TIME + timedelta(hours=1),
        )  # fmt: skip
        return commands.open_command(payload, signature, home.roster, home.edge.id, TIME)

    assert taken(home.owner)
    assert taken(home.partner)
    assert refusal(lambda: taken(home.left)) == "revoked"
    assert refusal(lambda: taken(CARRIER)) == "stranger"


def test_v8_a_secret_in_a_command_opens_for_its_edge_alone(home: Home) -> None:
    household = home.roster.household
    field = commands.seal_secret(home.edge, household, COMMAND, b"password")
    assert commands.open_secret(home.edge_keys, household, home.edge.id, COMMAND, field) == b"password"
    for keys in (home.owner.keys, CARRIER.keys, home.keys_of("second edge")):
        reason = refusal(partial(commands.open_secret, keys, household, home.edge.id, COMMAND, field))
        assert reason == "secret_damaged"


def test_v8_a_ticket_is_worth_nothing_without_a_members_answer(home: Home) -> None:
    node, challenge = known_id("node"), bytes(range(32))
    answer = messages.sign_challenge(home.partner.keys, node, challenge, "ticket")
    messages.verify_challenge(home.roster, home.partner.id, node, challenge, "ticket", answer)
    for member, ticket in ((home.partner.id, "other"), (home.owner.id, "ticket")):
        with pytest.raises(VaultError):
            messages.verify_challenge(home.roster, member, node, challenge, ticket, answer)


def test_v8_an_event_counts_only_under_the_edge_that_signed_it(home: Home) -> None:
    signature = messages.sign_event(home.edge_keys, b"event")
    messages.verify_event(home.roster, home.edge.id, b"event", signature)
    messages.verify_event_by_key(home.edge.sign, b"event", signature)
    assert refusal(lambda: messages.verify_event(home.roster, home.second.id, b"event", signature)) == "bad_signature"


def test_v8_the_words_are_256_short_and_told_apart_by_four_letters() -> None:
    listed = word_list()
    assert len(listed) == len(set(listed)) == len({word[:4] for word in listed}) == 256
    assert all(word.isascii() and word.islower() and word.isalpha() and 3 <= len(word) <= 9 for word in listed)
