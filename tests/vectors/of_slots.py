"""Vectors of key slots and recovery codes."""

import json
from typing import Any

from tests.vectors.household import Home, known_id, known_keys, seed

from guardian.vault import recovery, slots
from guardian.vault.encoding import b64u
from guardian.vault.roster_author import Author

Vector = dict[str, Any]

SECRET = "Größe ﬁne 😀 garden"
CODE = seed("recovery code")[:16]


def make_recovery() -> list[Vector]:
    """Codes as people type them."""
    zero, code = recovery.write(bytes(16)), recovery.write(CODE)
    wrong_check = code[:-1] + ("0" if code[-1] != "0" else "1")
    low_bits = zero.replace("-", "")
    # The 26th symbol ends in the two bits that must be zero.
    low_bits = low_bits[:25] + "1" + low_bits[26:]

    def good(name: str, text: str, found: bytes) -> Vector:
        return {"name": name, "text": text, "outcome": {"code": b64u(found)}}

    def bad(name: str, text: str) -> Vector:
        return {"name": name, "text": text, "outcome": {"reason": "recovery_code"}}

    return [
        good("as printed", code, CODE),
        good("small letters, spaces for dashes", f"  {code.lower().replace('-', ' ')}\n", CODE),
        good("without dashes", code.replace("-", ""), CODE),
        good("O for 0, I and L for 1", zero.replace("0", "o").replace("1", "l"), bytes(16)),
        good("all ones", recovery.write(b"\xff" * 16), b"\xff" * 16),
        bad("another last symbol", wrong_check),
        bad("a symbol changed", ("Z" if code[0] != "Z" else "Y") + code[1:]),
        bad("two symbols exchanged", code[5] + code[1:5] + code[0] + code[6:]),
        bad("a symbol short", code[:-1]),
        bad("a symbol more", code + "0"),
        bad("the letter U", "U" + code[1:]),
        bad("a sign that is no symbol", "*" + code[1:]),
        bad("a letter that only looks like one", "\u0131" + zero[1:]),
        bad("the two low bits not zero", low_bits),
        bad("nothing", ""),
    ]


def make_slots(home: Home, foreign: Home) -> list[Vector]:
    """Slots that open, and slots that must not."""
    household, owner = home.roster.household, home.owner
    prf = seed("passkey")
    secret = _json(slots.create_with_secret(SECRET, household, owner.id, owner.keys))
    code = _json(slots.create_with_recovery(CODE, household, owner.id, owner.keys))
    passkey = _json(slots.create_with_passkey(prf, household, owner.id, owner.keys))
    by_secret, by_code, by_prf = {"secret": SECRET}, {"code": recovery.write(CODE)}, {"prf": b64u(prf)}
    sign, receive = owner.keys.seeds()
    opened = {"sign_seed": b64u(sign), "receive_seed": b64u(receive)}

    def slot(name: str, value: Vector, given: Vector, result: Any) -> Vector:
        result = {"reason": result} if isinstance(result, str) else result
        return {"name": name, "slot": value, "with": given, "roster": "home", "outcome": result}

    def cost(name: str, **changes: Any) -> Vector:
        return slot(name, {**secret, "kdf": {**secret["kdf"], **changes}}, by_secret, "kdf_refused")

    def malformed(name: str, **changes: Any) -> Vector:
        return slot(name, {**secret, **changes}, by_secret, "slot_malformed")

    def of(who: Author, keys_of: Author | None = None, where: Home = home) -> Vector:
        keys = (keys_of or who).keys
        return _json(slots.create_with_recovery(CODE, where.roster.household, who.id, keys))

    stranger = Author(known_id("stranger"), known_keys("stranger"))
    return [
        slot("the secret", secret, by_secret, opened),
        slot("the secret, typed in another normal form", secret, {"secret": "Gro\u0308ße fine 😀 garden"}, opened),
        slot("the recovery code", code, by_code, opened),
        slot("a passkey", passkey, by_prf, opened),
        slot("another secret", secret, {"secret": "guess"}, "wrong_secret"),
        slot("another code", code, {"code": recovery.write(bytes(16))}, "wrong_secret"),
        slot("another passkey", passkey, {"prf": b64u(bytes(32))}, "wrong_secret"),
        slot("ciphertext changed", {**code, "ct": b64u(bytes(80))}, by_code, "wrong_secret"),
        slot("nonce changed", {**code, "nonce": b64u(bytes(12))}, by_code, "wrong_secret"),
        slot("moved to another id", {**code, "id": known_id("slot")}, by_code, "wrong_secret"),
        slot("moved to another member", {**code, "member": home.partner.id}, by_code, "wrong_secret"),
        slot("a passkey's slot as a code's", {**passkey, "kind": "recovery"}, by_code, "wrong_secret"),
        cost("memory of 10 GiB", m=10 * 1024 * 1024),
        cost("memory just above the limit", m=262_145),
        cost("memory just below the limit", m=65_535),
        cost("no memory", m=0),
        cost("time of a year", t=4_000_000_000),
        cost("too many passes", t=11),
        cost("too few passes", t=2),
        cost("no lanes", p=0),
        cost("too many lanes", p=17),
        malformed("another version", v=2),
        malformed("an unknown field", hint="my dog"),
        malformed("an unknown kind", kind="pin"),
        malformed("a secret without Argon2id", kdf={"name": "hkdf-sha256", "salt": secret["kdf"]["salt"]}),
        malformed("an unknown kdf", kdf={**secret["kdf"], "name": "argon2i"}),
        malformed("a negative cost", kdf={**secret["kdf"], "m": -65_536}),
        malformed("a cost as text", kdf={**secret["kdf"], "m": "65536"}),
        malformed("a short salt", kdf={**secret["kdf"], "salt": b64u(bytes(8))}),
        malformed("a short ciphertext", ct=b64u(bytes(79))),
        slot("a code's slot with Argon2id", {**code, "kdf": secret["kdf"]}, by_code, "slot_malformed"),
        slot("another member's keys under the owner's name", of(owner, home.partner), by_code, "wrong_member"),
        slot("another household's slot", of(foreign.owner, where=foreign), by_code, "wrong_member"),
        slot("a member who was removed", of(home.left), by_code, "revoked"),
        slot("a stranger's slot", of(stranger), by_code, "stranger"),
    ]


def _json(slot: slots.Slot) -> Vector:
    value: Vector = json.loads(slot.to_json())
    return value
