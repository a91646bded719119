"""Vectors of the roster: chains that lead somewhere, and chains that nobody may follow."""

import json
from collections.abc import Callable
from typing import Any

from tests.vectors.household import TIME, Home, edge_of, known_id, known_keys

from guardian.vault import roster_author
from guardian.vault.encoding import b64u
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster, RosterEntry
from guardian.vault.roster_author import Author

Vector = dict[str, Any]


def entry_json(entry: RosterEntry) -> dict[str, str]:
    """An entry as it travels."""
    return {"payload": b64u(entry.payload), "signature": b64u(entry.signature)}


def entries_json(home: Home) -> list[dict[str, str]]:
    """A home's whole roster."""
    return [entry_json(entry) for entry in home.roster.entries]


def resign(payload: bytes, keys: Keys) -> RosterEntry:
    """An entry of any payload, rightly signed."""
    return RosterEntry(payload, keys.sign(b"guardian/roster/v1\0" + payload))


def edited(entry: RosterEntry, keys: Keys, edit: Callable[[Vector], None]) -> RosterEntry:
    """An entry whose JSON was changed and signed again."""
    value = json.loads(entry.payload)
    edit(value)
    return resign(json.dumps(value).encode(), keys)


def upto(count: int) -> list[Any]:
    """The first entries of home's roster."""
    return [["home", index] for index in range(count)]


def outcome(chain: Roster) -> Vector:
    """What a chain leads to."""
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


def make(home: Home, foreign: Home) -> list[Vector]:
    """All of them."""
    start = Roster.verify(home.roster.entries[:1])
    good = [
        _vector("the whole chain", "home", outcome(home.roster)),
        _vector("only the first entry", upto(1), outcome(start)),
        _vector("grows from the one pinned", "home", outcome(home.roster), pinned=upto(3)),
        _vector("is the one pinned", "home", outcome(home.roster), pinned="home"),
    ]
    return good + _of_chains(home, foreign) + _of_form(home) + _of_authors(home) + _of_actions(home)


def _vector(name: str, entries: Any, result: Any, pinned: Any = None) -> Vector:
    if isinstance(result, str):
        result = {"reason": result}
    if isinstance(entries, list):
        entries = [entry_json(entry) if isinstance(entry, RosterEntry) else entry for entry in entries]
    return {"name": name, "entries": entries, "pinned": pinned, "outcome": result}


def _of_chains(home: Home, foreign: Home) -> list[Vector]:
    third = Roster.verify(home.roster.entries[:3])
    other = roster_author.add_edge(third, home.owner, edge_of("another edge"), time=TIME)
    entry = home.roster.entries[2]
    changed = RosterEntry(entry.payload.replace(b"second edge", b"changed one"), entry.signature)
    flipped = RosterEntry(entry.payload, bytes([entry.signature[0] ^ 1]) + entry.signature[1:])
    return [
        _vector("no entry", [], "roster_malformed"),
        _vector("shorter than the one pinned", upto(3), "stale", pinned="home"),
        _vector("forks from the one pinned", [*upto(3), other], "fork", pinned=upto(4)),
        _vector("forks and is longer", [*upto(3), other, *upto(8)[4:]], "fork", pinned=upto(4)),
        _vector("another household's, in place of the one pinned", "foreign", "fork", pinned="home"),
        _vector("an entry changed", [*upto(2), changed], "bad_signature"),
        _vector("a signature changed", [*upto(2), flipped], "bad_signature"),
        _vector("an entry left out", [["home", 0], ["home", 2]], "roster_order"),
        _vector("two entries exchanged", [["home", 0], ["home", 2], ["home", 1]], "roster_order"),
        _vector("an entry twice", [["home", 0], ["home", 1], ["home", 1]], "roster_order"),
        _vector("the beginning left out", [["home", 1], ["home", 2]], "roster_order"),
        _vector("an entry of another household", [["home", 0], ["foreign", 1]], "roster_order"),
        _vector("another beginning under it", [["foreign", 0], ["home", 1]], "roster_order"),
    ]


def _of_form(home: Home) -> list[Vector]:
    keys = home.owner.keys
    entry = home.roster.entries[1]

    def bad(name: str, edit: Callable[[Vector], None]) -> Vector:
        return _vector(name, [["home", 0], edited(entry, keys, edit)], "roster_malformed")

    def raw(name: str, payload: bytes) -> Vector:
        return _vector(name, [["home", 0], resign(payload, keys)], "roster_malformed")

    return [
        bad("another version", lambda value: value.update(v=2)),
        bad("version true", lambda value: value.update(v=True)),
        bad("an unknown field", lambda value: value.update(note="hello")),
        bad("a field left out", lambda value: value.pop("time")),
        bad("an unknown action", lambda value: value["action"].update(type="add_node")),
        bad("an action's unknown field", lambda value: value["action"].update(admin=1)),
        bad("a number below zero", lambda value: value.update(seq=-1)),
        bad("a number with a fraction", lambda value: value.update(seq=1.5)),
        bad("a number as text", lambda value: value.update(seq="1")),
        raw("a number with a fraction of nothing", entry.payload.replace(b'"seq":1,', b'"seq":1.0,')),
        raw("a number with an exponent", entry.payload.replace(b'"seq":1,', b'"seq":1e0,')),
        raw("half a surrogate pair in a name", entry.payload.replace(b'"name":"', b'"name":"\\ud800')),
        bad("the thirtieth of February", lambda value: value.update(time="2026-02-30T08:00:00Z")),
        bad("the hour 24", lambda value: value.update(time="2026-01-31T24:00:00Z")),
        bad("the year 0", lambda value: value.update(time="0000-01-31T08:00:00Z")),
        bad("an id in capitals", lambda value: value.update(household=value["household"].upper())),
        bad("an id too short", lambda value: value.update(author=value["author"][:-2])),
        bad("a time without its zone", lambda value: value.update(time="2026-01-31T08:00:00")),
        bad("a time of another zone", lambda value: value.update(time="2026-01-31T08:00:00+00:00")),
        bad("a time with seven digits", lambda value: value.update(time="2026-01-31T08:00:00.1234567Z")),
        bad("an empty name", lambda value: value["action"]["edge"].update(name="")),
        bad("a name of 65 code points", lambda value: value["action"]["edge"].update(name="é" * 65)),
        bad("a name with a line break", lambda value: value["action"]["edge"].update(name="a\nb")),
        bad("a key too short", lambda value: value["action"]["edge"].update(sign=b64u(bytes(31)))),
        bad("base64 with padding", lambda value: value["action"]["edge"].update(sign=b64u(bytes(32)) + "=")),
        bad("base64 of the other alphabet", lambda value: value["action"]["edge"].update(sign="/" * 43)),
        bad("base64 with unused bits", lambda value: value["action"]["edge"].update(sign="A" * 42 + "B")),
        raw("no JSON", b"guardian"),
        raw("a list", b"[]"),
        raw("nothing", b""),
        raw("a byte order mark", b"\xef\xbb\xbf" + entry.payload),
        raw("no UTF-8", entry.payload.replace(b"home edge", b"home\xffedge")),
        raw("more after the end", entry.payload + b"{}"),
    ]


def _of_authors(home: Home) -> list[Vector]:
    late = roster_author.add_edge(home.roster, home.left, edge_of("late edge"), time=TIME)
    stranger = Author(known_id("stranger"), known_keys("stranger"))
    strange = roster_author.add_edge(home.roster, stranger, edge_of("strange edge"), time=TIME)
    posing = Author(home.owner.id, known_keys("stranger"))
    posed = roster_author.add_edge(home.roster, posing, edge_of("strange edge"), time=TIME)
    by_edge = roster_author.add_edge(
        home.roster, Author(home.edge.id, home.edge_keys), edge_of("strange edge"), time=TIME
    )
    first = edited(home.roster.entries[0], home.owner.keys, lambda value: value.update(author=known_id("other")))
    no_genesis = edited(home.roster.entries[1], home.owner.keys, lambda value: value.update(seq=0, prev=""))
    return [
        _vector("written by a member who was removed", [*upto(8), late], "roster_author"),
        _vector("written by a stranger", [*upto(8), strange], "roster_author"),
        _vector("written by an edge", [*upto(8), by_edge], "roster_author"),
        _vector("a stranger poses as a member", [*upto(8), posed], "bad_signature"),
        _vector("the first entry by another than its member", [first], "roster_author"),
        _vector("the first entry is no genesis", [no_genesis], "roster_author"),
    ]


def _of_actions(home: Home) -> list[Vector]:
    keys, roster = home.owner.keys, home.roster
    epoch = roster_author.new_epoch(roster, home.owner, time=TIME)
    joining = roster_author.describe_member("New", known_keys("new"), known_id("new"))
    join = roster_author.add_member(roster, home.owner, joining, time=TIME)
    remove = roster_author.remove_member(roster, home.owner, home.partner.id, time=TIME)
    edge = roster_author.add_edge(roster, home.owner, edge_of("new edge"), time=TIME)
    revoke = roster_author.revoke_edge(roster, home.owner, home.edge.id, time=TIME)
    alone = Roster.verify(roster.entries[:1])
    last = roster_author.remove_member(alone, home.owner, home.owner.id, time=TIME)

    def bad(name: str, entry: RosterEntry, edit: Callable[[Vector], None]) -> Vector:
        return _vector(name, [*upto(8), edited(entry, keys, edit)], "roster_action")

    def again(value: Vector) -> None:
        value["action"] = json.loads(roster.entries[0].payload)["action"]

    return [
        _vector("a beginning by another founder", [_usurped(home)], "roster_action"),
        bad("a second genesis", epoch, again),
        bad("an epoch left out", epoch, lambda value: value["action"]["epoch"].update(number=4)),
        bad("an epoch twice", epoch, lambda value: value["action"]["epoch"].update(number=2)),
        bad("an epoch not wrapped for a member", epoch, lambda value: value["action"]["epoch"]["wraps"].pop()),
        bad("an epoch wrapped twice", epoch, lambda value: value["action"]["epoch"]["wraps"].append(
            value["action"]["epoch"]["wraps"][0])),
        bad("an epoch wrapped for a stranger", epoch, lambda value: value["action"]["epoch"]["wraps"][0].update(
            member=known_id("stranger"))),
        bad("a new member without an epoch", join, lambda value: value["action"]["wraps"].pop()),
        bad("a new member's wrap for another", join, lambda value: value["action"]["wraps"][0]["wrap"].update(
            member=home.owner.id)),
        bad("a removed member comes back", join, lambda value: _rename(value, home.left.id)),
        bad("a member under an edge's id", join, lambda value: _rename(value, home.edge.id)),
        bad("a member twice", join, lambda value: _rename(value, home.partner.id)),
        bad("nobody is removed", remove, lambda value: value["action"].update(member_id=known_id("nobody"))),
        bad("a revoked edge comes back", edge, lambda value: value["action"]["edge"].update(id=home.old.id)),
        bad("an edge twice", edge, lambda value: value["action"]["edge"].update(id=home.edge.id)),
        bad("an edge under a member's id", edge, lambda value: value["action"]["edge"].update(id=home.owner.id)),
        bad("an unknown edge revoked", revoke, lambda value: value["action"].update(edge_id=known_id("no"))),
        bad("an edge revoked twice", revoke, lambda value: value["action"].update(edge_id=home.old.id)),
        _vector("the last member removes herself", [*upto(1), last], "roster_action"),
    ]  # fmt: skip


def _usurped(home: Home) -> RosterEntry:
    """What a carrier would show a browser that has not seen the household yet."""
    keys = known_keys("usurper")
    _, entry = roster_author.genesis("Owner", keys, member_id=home.owner.id, time=TIME)
    return edited(entry, keys, lambda value: value.update(household=home.roster.household))


def _rename(value: Vector, member_id: str) -> None:
    value["action"]["member"]["id"] = member_id
    for item in value["action"]["wraps"]:
        item["wrap"]["member"] = member_id
