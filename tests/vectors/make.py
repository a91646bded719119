"""Makes vault.json, the vectors both languages are held to: `python -m tests.vectors.make`.

Keys, ids and times are known; encapsulations and salts are fresh each time: a new run gives other bytes, the same
outcomes.
"""

import json
from pathlib import Path
from typing import Any

from tests.vectors import of_messages, of_objects, of_roster, of_slots
from tests.vectors.household import Home, known_keys, seed

from guardian.vault import hpke, words
from guardian.vault.encoding import b64u

FILE = Path(__file__).with_name("vault.json")

ABOUT = [
    "Binary is base64url without padding. An outcome is what must come out, or {'reason': …} for a refusal.",
    "rosters: named lists of entries. Elsewhere a list is a name ('home'), or holds entries and [name, index] pairs.",
    "objects: an object is its pieces joined; a piece is base64url, or [name, from, to] of an earlier object's bytes.",
    "It is opened with the roster, the epochs' seeds and what is expected, then read whole: each part, the body hash.",
    "content: SHA-256 of all opened parts, a clip's with their padding, a picture's without.",
    "times: start, duration, key frame of each part; null where the object is truncated.",
    "slots: opened with what 'with' holds, keys compared with the roster.",
    "commands: taken by the edge named, at the time given.",
]


def refusal(reason: str) -> dict[str, str]:
    """The outcome of a hostile vector."""
    return {"reason": reason}


def make() -> dict[str, Any]:
    """All vectors."""
    home, foreign = Home(), Home("foreign")
    return {
        "about": ABOUT,
        "words": [_words(home)],
        "keys": [_keys(label) for label in ("home owner", "home edge")],
        "hpke": _hpke(),
        "rosters": {"home": of_roster.entries_json(home), "foreign": of_roster.entries_json(foreign)},
        "roster": of_roster.make(home, foreign),
        "recovery": of_slots.make_recovery(),
        "slots": of_slots.make_slots(home, foreign),
        **of_objects.make(home, foreign),
        **of_messages.make(home),
    }


def _words(home: Home) -> dict[str, Any]:
    shown = words.edge_words(home.roster.genesis_hash, home.edge.sign, home.edge.receive)
    return {
        "name": "owner and edge compare ten words",
        "genesis_hash": b64u(home.roster.genesis_hash),
        "sign": b64u(home.edge.sign),
        "receive": b64u(home.edge.receive),
        "outcome": shown,
    }


def _keys(label: str) -> dict[str, Any]:
    keys = known_keys(label)
    sign, receive = keys.seeds()
    return {
        "name": f"public keys of known seeds: {label}",
        "sign_seed": b64u(sign),
        "receive_seed": b64u(receive),
        "outcome": {"sign": b64u(keys.sign_public), "receive": b64u(keys.receive_public)},
    }


def _hpke() -> list[dict[str, Any]]:
    private, info = seed("hpke"), b"guardian/vectors/v1\0"
    sealed = hpke.seal(hpke.public_key(private), b"known to nobody else", info)
    base = {"seed": b64u(private), "info": b64u(info), "enc": b64u(sealed.enc), "ct": b64u(sealed.ct)}
    flipped = bytes([sealed.enc[0] ^ 1]) + sealed.enc[1:]
    return [
        {"name": "a message opens", **base, "outcome": {"plaintext": b64u(b"known to nobody else")}},
        {"name": "bound to another info", **base, "info": b64u(b"other"), "outcome": refusal("wrong_key")},
        {"name": "another encapsulation", **base, "enc": b64u(flipped), "outcome": refusal("wrong_key")},
        {"name": "another recipient", **base, "seed": b64u(seed("other")), "outcome": refusal("wrong_key")},
    ]


def main() -> None:
    """Write the file, after holding Python to it."""
    from tests.vectors.run import outcomes

    vectors = json.loads(json.dumps(make()))
    for where, name, expected, found in outcomes(vectors):
        if expected != found:
            raise SystemExit(f"{where}: {name}: {expected} expected, {found} found")
    FILE.write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")
    print(f"{FILE.name}: {FILE.stat().st_size // 1024} KiB")


__all__ = ["FILE", "make", "refusal"]

if __name__ == "__main__":
    main()
