"""Vectors of signed messages: challenges, events, enrolment, commands and the secrets in them."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.vectors.household import TIME, Home, known_id, known_keys, seed

from guardian.vault import commands, messages
from guardian.vault.encoding import b64u, format_time
from guardian.vault.identity import Keys
from guardian.vault.roster_author import Author

Vector = dict[str, Any]

NODE = known_id("node")
TICKET = "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl"
COMMAND = "019c1234-5678-7abc-8def-0123456789ab"
VERIFIED = {"verified": True}


def make(home: Home) -> Vector:
    """All of them, by kind."""
    return {
        "challenges": _challenges(home),
        "events": _events(home),
        "enrolments": _enrolments(home),
        "commands": _commands(home),
        "secrets": _secrets(home),
    }


def _result(value: Any) -> Any:
    return {"reason": value} if isinstance(value, str) else value


def _challenges(home: Home) -> list[Vector]:
    challenge = seed("challenge")
    owner, stranger = home.owner, Author(known_id("stranger"), known_keys("stranger"))

    def vector(name: str, result: Any, author: Author = owner, **changes: Any) -> Vector:
        signature = messages.sign_challenge(author.keys, NODE, challenge, TICKET)
        base = {"roster": "home", "member": author.id, "node": NODE, "challenge": b64u(challenge), "ticket": TICKET}
        return {"name": name, **base, "signature": b64u(signature), **changes, "outcome": _result(result)}

    return [
        vector("a member answers", VERIFIED),
        vector("for another node", "bad_signature", node=known_id("other node")),
        vector("for another challenge", "bad_signature", challenge=b64u(bytes(32))),
        vector("for another ticket", "bad_signature", ticket=TICKET + "x"),
        vector("in another member's name", "bad_signature", member=home.partner.id),
        vector("a member who was removed", "revoked", home.left),
        vector("a stranger", "stranger", stranger),
        vector("a short challenge", "encoding", challenge=b64u(bytes(16))),
        vector("no signature", "bad_signature", signature=""),
    ]


def _events(home: Home) -> list[Vector]:
    event = b"\x0a\x05event"

    def vector(name: str, result: Any, keys: Keys, edge: str, **changes: Any) -> Vector:
        signature = b64u(messages.sign_event(keys, event))
        base = {"roster": "home", "edge": edge, "event": b64u(event), "signature": signature}
        return {"name": name, **base, **changes, "outcome": _result(result)}

    return [
        vector("the edge's own", VERIFIED, home.edge_keys, home.edge.id),
        vector("changed", "bad_signature", home.edge_keys, home.edge.id, event=b64u(b"\x0a\x05evens")),
        vector("by another edge", "bad_signature", home.keys_of("second edge"), home.edge.id),
        vector("by a revoked edge", "revoked", home.keys_of("old edge"), home.old.id),
        vector("by a stranger", "stranger", known_keys("stranger"), known_id("stranger")),
        vector("signed as another message", "bad_signature", home.edge_keys, home.edge.id,
               signature=b64u(home.edge_keys.sign(event))),
    ]  # fmt: skip


def _enrolments(home: Home) -> list[Vector]:
    keys, token, csr = home.edge_keys, b64u(seed("token")), b"certificate request"

    def vector(name: str, result: Any, **changes: Any) -> Vector:
        base = {
            "sign": b64u(keys.sign_public),
            "receive": b64u(keys.receive_public),
            "token_secret": token,
            "csr": b64u(csr),
            "proof": b64u(messages.sign_enrolment(keys, token, csr)),
        }
        return {"name": name, **base, **changes, "outcome": _result(result)}

    return [
        vector("the keys shown are held", VERIFIED),
        vector("another token", "bad_signature", token_secret=b64u(bytes(32))),
        vector("another request", "bad_signature", csr=b64u(b"other")),
        vector("another receive key", "bad_signature", receive=b64u(known_keys("x").receive_public)),
        vector("another sign key", "bad_signature", sign=b64u(known_keys("x").sign_public)),
    ]


def _commands(home: Home) -> list[Vector]:
    action = {"type": "set_camera", "camera": "front"}
    hour = timedelta(hours=1)

    def vector(
        name: str,
        result: Any,
        *,
        author: Author = home.owner,
        edge: str = home.edge.id,
        now: datetime = TIME,
        expires: datetime = TIME + hour,
        edit: Callable[[Vector], Any] = lambda value: None,
        signer: Keys | None = None,
    ) -> Vector:
        payload, _ = commands.make_command(
            author, home.roster, home.edge.id, COMMAND, action, issued=TIME, expires=expires
        )
        value = json.loads(payload)
        edit(value)
        payload = json.dumps(value).encode()
        signature = (signer or author.keys).sign(b"guardian/command/v1\0" + payload)
        signed = {"payload": b64u(payload), "signature": b64u(signature)}
        base = {"roster": "home", "edge": edge, "now": format_time(now)}
        return {"name": name, **base, **signed, "outcome": _result(result)}

    taken = {"id": COMMAND, "action": action}
    return [
        vector("an owner's", taken),
        vector("another member's", taken, author=home.partner),
        vector("made under an older roster of this chain", taken, edit=lambda value: value.update(
            roster={"seq": 3, "hash": home.roster.hashes[3].hex()})),
        vector("by a removed member", "revoked", author=home.left),
        vector("by a stranger", "stranger", author=Author(known_id("stranger"), known_keys("stranger"))),
        vector("by an edge", "stranger", author=Author(home.edge.id, home.edge_keys)),
        vector("in another's name", "bad_signature", signer=known_keys("stranger")),
        vector("for another edge", "command_misaddressed", edge=home.second.id),
        vector("for another household", "command_misaddressed",
               edit=lambda value: value.update(household=known_id("foreign"))),
        vector("from the future", "command_early", now=TIME - timedelta(minutes=5, seconds=1)),
        vector("a little early", taken, now=TIME - timedelta(minutes=5)),
        vector("expired", "command_expired", now=TIME + hour),
        vector("valid for too long", "command_expired", expires=TIME + timedelta(days=1, seconds=1)),
        vector("never valid", "command_expired", expires=TIME, now=TIME - timedelta(minutes=1)),
        vector("under another roster", "command_roster", edit=lambda value: value["roster"].update(hash="0" * 64)),
        vector("under a longer roster", "command_roster", edit=lambda value: value["roster"].update(seq=99)),
        vector("another version", "command_malformed", edit=lambda value: value.update(v=2)),
        vector("an unknown field", "command_malformed", edit=lambda value: value.update(force=1)),
        vector("an action without type", "command_malformed", edit=lambda value: value.update(action={})),
        vector("an id of another form", "command_malformed", edit=lambda value: value.update(id=known_id("x"))),
    ]  # fmt: skip


def _secrets(home: Home) -> list[Vector]:
    household, edge = home.roster.household, home.edge
    _, receive = home.edge_keys.seeds()
    sealed = commands.seal_secret(edge, household, COMMAND, b"camera password")

    def vector(name: str, result: Any, **changes: Any) -> Vector:
        base = {"household": household, "edge": edge.id, "id": COMMAND, "field": sealed, "receive_seed": b64u(receive)}
        return {"name": name, **base, **changes, "outcome": _result(result)}

    extra = {"sealed": {**sealed["sealed"], "note": "x"}}
    return [
        vector("the edge opens it", {"plaintext": b64u(b"camera password")}),
        vector("moved to another command", "secret_damaged", id=COMMAND[:-1] + "c"),
        vector("moved to another edge", "secret_damaged", edge=home.second.id),
        vector("moved to another household", "secret_damaged", household=known_id("foreign")),
        vector("another edge's key", "secret_damaged", receive_seed=b64u(seed("x"))),
        vector("an unknown field", "command_malformed", field=extra),
        vector("no sealed secret", "command_malformed", field={"sealed": "camera password"}),
    ]
