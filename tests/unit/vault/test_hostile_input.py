"""Whatever bytes a stranger sends, the vault answers with a VaultError, or with what was really sealed."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.vault.opening import CLIP_ID, Opener
from tests.vectors.household import TIME, Forger, Home, known_id, seal_clip

from guardian.vault import commands, encoding, header, hpke, messages, parts, reader, recovery, roster
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys
from guardian.vault.parts import PartType
from guardian.vault.roster import Roster, RosterEntry
from guardian.vault.slots import Slot

HOME = Home()
OPENER = Opener(HOME, HOME.epochs)
CLIP = seal_clip(HOME.edge_keys, HOME.roster.epoch, HOME.metadata(), CLIP_ID)
FORGER = Forger(HOME.edge_keys, HOME.roster.epoch, HOME.metadata(), CLIP_ID).clip()
END, ROWS = len(FORGER.data), list(FORGER.rows)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
fast = settings(max_examples=150)
slow = settings(max_examples=60)


def told(call: Any) -> Any:
    """The answer, or the reason of a refusal; any other exception fails the test."""
    try:
        return call()
    except VaultError as error:
        return error.reason


def mutated(base: Any, path_seed: int, value: Any) -> Any:
    """`base` with one of its inner values replaced, chosen by a number."""
    copy = json.loads(json.dumps(base))
    here = copy
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return copy
        path_seed, index = divmod(path_seed, len(keys))
        inner = here[keys[index]]
        if not isinstance(inner, dict | list) or path_seed % 3 == 0:
            here[keys[index]] = value
            return copy
        here = inner


@fast
@given(data=st.binary(max_size=3000))
def test_any_bytes_as_an_object(data: bytes) -> None:
    assert isinstance(told(lambda: OPENER.read(data)), str)
    told(lambda: reader.scan(reader.BytesSource(data)))


@fast
@given(data=st.binary(max_size=64), size=st.integers(header.MIN_SIZE, 4000))
def test_any_bytes_after_a_right_beginning(data: bytes, size: int) -> None:
    start = header.Prefix(2, CLIP_ID, 272).write()
    whole = (start[: 36 - len(data) % 37] + data).ljust(size, b"\x11")
    assert isinstance(told(lambda: OPENER.read(whole)), str)


@slow
@given(tail=st.binary(max_size=200), cut=st.integers(0, len(CLIP)))
def test_any_bytes_in_place_of_an_objects_end(tail: bytes, cut: int) -> None:
    answer = told(lambda: OPENER.read(CLIP[:cut] + tail))
    if isinstance(answer, tuple):
        state, content = answer
        assert OPENER.read(CLIP)[1].startswith(content)
        assert state == "truncated" or CLIP[:cut] + tail == CLIP


@slow
@given(table=st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_table_a_bad_edge_signs(table: bytes) -> None:
    FORGER.data, FORGER.rows = FORGER.data[:END], list(ROWS)
    data = FORGER.close(lambda _: table)
    # Spaces at its end are padding to a reader: the signature over them does not hold.
    assert told(lambda: OPENER.read(data)) in {"trailer_damaged", "body_damaged", "bad_signature"}


@slow
@given(path=st.integers(0, 10**6), value=json_values)
def test_any_change_of_a_table_a_bad_edge_signs(path: int, value: Any) -> None:
    FORGER.data, FORGER.rows = FORGER.data[:END], list(ROWS)
    data = FORGER.close(lambda table: json.dumps(mutated(json.loads(table), path, value)).encode())
    told(lambda: OPENER.read(data))


@fast
@given(plain=st.binary(min_size=1, max_size=60), last=st.booleans())
def test_any_plaintext_of_a_data_part(plain: bytes, last: bool) -> None:
    told(lambda: parts.strip_data(plain.ljust(4096, b"\0"), last=last))


@fast
@given(payload=st.binary(max_size=400) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_payload_a_member_signs(payload: bytes) -> None:
    entry = RosterEntry(payload, HOME.owner.keys.sign(b"guardian/roster/v1\0" + payload))
    assert isinstance(told(lambda: HOME.roster.extend([entry])), str)
    assert isinstance(told(lambda: Roster.verify([entry])), str)


@fast
@given(which=st.integers(0, 7), path=st.integers(0, 10**6), value=json_values)
def test_any_change_of_an_entry_that_its_author_signs(which: int, path: int, value: Any) -> None:
    base = json.loads(HOME.roster.entries[which].payload)
    payload = json.dumps(mutated(base, path, value)).encode()
    entry = RosterEntry(payload, HOME.owner.keys.sign(b"guardian/roster/v1\0" + payload))
    told(lambda: Roster.verify([*HOME.roster.entries[:which], entry]))


@fast
@given(data=st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_as_a_stored_roster_or_a_slot_or_a_command(data: bytes) -> None:
    told(lambda: Roster.verify(roster.from_json(data)))
    assert isinstance(told(lambda: Slot.read(data)), str)
    signature = HOME.owner.keys.sign(b"guardian/command/v1\0" + data)
    assert isinstance(told(lambda: commands.open_command(data, signature, HOME.roster, HOME.edge.id, TIME)), str)


@fast
@given(path=st.integers(0, 10**6), value=json_values)
def test_any_change_of_a_slot_or_a_command(path: int, value: Any) -> None:
    kdf = {"name": "argon2id", "salt": encoding.b64u(bytes(16)), "m": 65_536, "t": 3, "p": 4}
    slot = {"v": 1, "id": CLIP_ID, "household": CLIP_ID, "member": CLIP_ID, "kind": "secret", "kdf": kdf,
            "nonce": encoding.b64u(bytes(12)), "ct": encoding.b64u(bytes(80))}  # fmt: skip
    told(lambda: Slot.read(json.dumps(mutated(slot, path, value)).encode()))
    command = {"v": 1, "household": HOME.roster.household, "edge": HOME.edge.id,
               "id": "019c1234-5678-7abc-8def-0123456789ab", "author": HOME.owner.id,
               "issued": "2026-01-31T08:00:00Z", "expires": "2026-01-31T09:00:00Z",
               "roster": {"seq": 0, "hash": HOME.roster.genesis_hash.hex()}, "action": {"type": "x"}}  # fmt: skip
    payload = json.dumps(mutated(command, path, value)).encode()
    signature = HOME.owner.keys.sign(b"guardian/command/v1\0" + payload)
    told(lambda: commands.open_command(payload, signature, HOME.roster, HOME.edge.id, TIME))


@fast
@given(field=json_values | st.fixed_dictionaries({"sealed": json_values}))
def test_any_value_as_a_sealed_secret(field: Any) -> None:
    told(lambda: commands.open_secret(HOME.edge_keys, HOME.roster.household, HOME.edge.id, "id", field))


@fast
@given(text=st.text(max_size=40) | st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ-oil ", min_size=28, max_size=34))
def test_any_text_as_a_recovery_code(text: str) -> None:
    answer = told(lambda: recovery.read(text))
    if isinstance(answer, bytes):
        assert recovery.read(recovery.write(answer)) == answer


@fast
@given(code=st.binary(min_size=16, max_size=16), at=st.integers(0, 27), symbol=st.sampled_from(recovery._SYMBOLS))
def test_any_code_reads_back_and_a_mistyped_symbol_is_hardly_ever_missed(code: bytes, at: int, symbol: str) -> None:
    text = recovery.write(code).replace("-", "")
    assert recovery.read(text) == code
    told(lambda: recovery.read(text[:at] + symbol + text[at + 1 :]))


@fast
@given(text=st.text(max_size=50))
def test_any_text_as_hex_b64u_or_time(text: str) -> None:
    told(lambda: encoding.from_b64u(text))
    told(lambda: encoding.from_hex(text, 16))
    told(lambda: encoding.parse_time(text))


@fast
@given(data=st.binary(max_size=60))
def test_b64u_has_one_form(data: bytes) -> None:
    assert encoding.from_b64u(encoding.b64u(data)) == data


@slow
@given(public=st.binary(min_size=1216, max_size=1216), enc=st.binary(min_size=1120, max_size=1120))
def test_any_bytes_as_keys_and_encapsulations(public: bytes, enc: bytes) -> None:
    told(lambda: hpke.seal(public, b"x", b""))
    assert told(lambda: hpke.open_(bytes(32), hpke.Sealed(enc, bytes(48)), b"")) == "wrong_key"


@fast
@given(signature=st.binary(max_size=70), ticket=st.text(max_size=20), challenge=st.binary(max_size=40))
def test_any_signature_and_ticket(signature: bytes, ticket: str, challenge: bytes) -> None:
    answer = told(
        lambda: messages.verify_challenge(HOME.roster, HOME.owner.id, known_id("n"), challenge, ticket, signature)
    )
    assert answer in {"bad_signature", "encoding"}
    assert told(lambda: messages.verify_event(HOME.roster, HOME.edge.id, challenge, signature)) == "bad_signature"


def test_keys_and_values_of_wrong_length_are_refused() -> None:
    for call in (
        lambda: Keys(bytes(31), bytes(32)),
        lambda: hpke.public_key(bytes(31)),
        lambda: hpke.seal(bytes(1215), b"", b""),
        lambda: hpke.open_(bytes(32), hpke.Sealed(bytes(1119), b""), b""),
        lambda: encoding.from_b64u("AAAA", 4),
        lambda: header.Prefix.read(bytes(35)),
    ):
        assert told(call) in {"encoding", "too_short"}


def test_a_type_confused_part_never_opens_as_another() -> None:
    ct = parts.seal(FORGER.header, 7, PartType.MEDIA, bytes(4096))
    for type_ in PartType:
        if type_ is not PartType.MEDIA:
            assert told(lambda type_=type_: parts.open_(FORGER.header, 7, type_, ct)) == "damaged"
    assert told(lambda: parts.open_(FORGER.header, 8, PartType.MEDIA, ct)) == "damaged"
