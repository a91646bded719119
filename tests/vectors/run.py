"""Runs every vector of vault.json in Python: what was expected, and what came out."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from guardian.vault import commands, hpke, messages, reader, recovery, slots, words
from guardian.vault.encoding import b64u, dump_json, from_b64u, parse_time
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster, RosterEntry, follow

Vector = dict[str, Any]
Outcome = tuple[str, str, Any, Any]


def outcomes(vectors: Vector) -> Iterator[Outcome]:
    """Kind, name, expected and found, of all vectors."""
    runner = _Runner(vectors)
    for kind, run in runner.kinds().items():
        for vector in vectors[kind]:
            try:
                found = run(vector)
            except VaultError as error:
                found = {"reason": error.reason}
            yield kind, vector["name"], vector["outcome"], found


class _Runner:
    def __init__(self, vectors: Vector) -> None:
        self._lists = vectors["rosters"]
        self._objects: dict[str, bytes] = {}
        self._rosters: dict[str, Roster] = {}
        for vector in vectors["objects"]:
            self._objects[vector["name"]] = self._bytes(vector)

    def kinds(self) -> dict[str, Callable[[Vector], Any]]:
        return {
            "words": self._words,
            "keys": self._keys,
            "hpke": self._hpke,
            "roster": self._roster_chain,
            "recovery": lambda vector: {"code": b64u(recovery.read(vector["text"]))},
            "slots": self._slot,
            "objects": self._object,
            "challenges": self._challenge,
            "events": self._event,
            "enrolments": self._enrolment,
            "commands": self._command,
            "secrets": self._secret,
        }

    def _entries(self, rows: str | list[Any]) -> list[RosterEntry]:
        listed: list[Any] = self._lists[rows] if isinstance(rows, str) else rows
        flat = [self._lists[row[0]][row[1]] if isinstance(row, list) else row for row in listed]
        return [RosterEntry(from_b64u(row["payload"]), from_b64u(row["signature"])) for row in flat]

    def _named(self, name: str) -> Roster:
        if name not in self._rosters:
            self._rosters[name] = Roster.verify(self._entries(name))
        return self._rosters[name]

    def _bytes(self, vector: Vector) -> bytes:
        data = b""
        for piece in vector["pieces"]:
            data += from_b64u(piece) if isinstance(piece, str) else self._objects[piece[0]][piece[1] : piece[2]]
        return data

    def _words(self, vector: Vector) -> list[str]:
        return words.edge_words(*(from_b64u(vector[key]) for key in ("genesis_hash", "sign", "receive")))

    def _keys(self, vector: Vector) -> Vector:
        keys = Keys(from_b64u(vector["sign_seed"]), from_b64u(vector["receive_seed"]))
        return {"sign": b64u(keys.sign_public), "receive": b64u(keys.receive_public)}

    def _hpke(self, vector: Vector) -> Vector:
        sealed = hpke.Sealed(from_b64u(vector["enc"]), from_b64u(vector["ct"]))
        return {"plaintext": b64u(hpke.open_(from_b64u(vector["seed"]), sealed, from_b64u(vector["info"])))}

    def _roster_chain(self, vector: Vector) -> Vector:
        pinned = Roster.verify(self._entries(vector["pinned"])) if vector["pinned"] else None
        chain = follow(pinned, self._entries(vector["entries"]))
        return {
            "household": chain.household,
            "entries": len(chain),
            "genesis": b64u(chain.genesis_hash),
            "head": b64u(chain.head_hash),
            "members": sorted(chain.members),
            "edges": sorted(chain.edges),
            "revoked": sorted(chain.state.revoked),
            "epoch": chain.epoch.number,
        }

    def _slot(self, vector: Vector) -> Vector:
        slot = slots.Slot.read(dump_json(vector["slot"]))
        roster, given = self._named(vector["roster"]), vector["with"]
        if "secret" in given:
            keys = slots.open_with_secret(slot, given["secret"], roster)
        elif "code" in given:
            keys = slots.open_with_recovery(slot, given["code"], roster)
        else:
            keys = slots.open_with_passkey(slot, from_b64u(given["prf"]), roster)
        sign, receive = keys.seeds()
        return {"sign_seed": b64u(sign), "receive_seed": b64u(receive)}

    def _object(self, vector: Vector) -> Vector:
        epochs = {int(number): from_b64u(seed) for number, seed in vector["epochs"].items()}
        roster = self._named(vector["roster"])
        source = reader.BytesSource(self._bytes(vector))
        opened = reader.open_object(source, roster, epochs, **vector["expected"])
        content = hashlib.sha256()
        for piece in opened.content():
            content.update(piece)
        whole = opened.state == "complete"
        times = [[part.start, part.duration, int(part.key)] for part in opened.parts] if whole else None
        return {
            "state": opened.state,
            "parts": len(opened.parts),
            "times": times,
            "content": b64u(content.digest()),
            "metadata": opened.header.metadata.model_dump(mode="python"),
        }

    def _challenge(self, vector: Vector) -> Vector:
        challenge, signature = from_b64u(vector["challenge"]), from_b64u(vector["signature"])
        roster = self._named(vector["roster"])
        messages.verify_challenge(roster, vector["member"], vector["node"], challenge, vector["ticket"], signature)
        return {"verified": True}

    def _event(self, vector: Vector) -> Vector:
        event, signature = from_b64u(vector["event"]), from_b64u(vector["signature"])
        messages.verify_event(self._named(vector["roster"]), vector["edge"], event, signature)
        return {"verified": True}

    def _enrolment(self, vector: Vector) -> Vector:
        sign, receive, csr, proof = (from_b64u(vector[key]) for key in ("sign", "receive", "csr", "proof"))
        messages.verify_enrolment(sign, receive, vector["token_secret"], csr, proof)
        return {"verified": True}

    def _command(self, vector: Vector) -> Vector:
        payload, signature = from_b64u(vector["payload"]), from_b64u(vector["signature"])
        now = parse_time(vector["now"])
        command = commands.open_command(payload, signature, self._named(vector["roster"]), vector["edge"], now)
        return {"id": command.id, "action": command.action}

    def _secret(self, vector: Vector) -> Vector:
        keys = Keys(bytes(32), from_b64u(vector["receive_seed"]))
        opened = commands.open_secret(keys, vector["household"], vector["edge"], vector["id"], vector["field"])
        return {"plaintext": b64u(opened)}
