"""Vectors of sealed objects: whole ones, cut ones, and what an opener must refuse."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests.vectors.household import (
    FRAGMENTS,
    Forger,
    Home,
    known_id,
    known_keys,
    seal_clip,
    seal_picture,
    seed,
)

from guardian.vault import parts
from guardian.vault.encoding import b64u
from guardian.vault.header import FIXED, PREFIX, Metadata
from guardian.vault.identity import Keys
from guardian.vault.parts import PartType

Vector = dict[str, Any]
Piece = str | list[Any]

CLIP, TWIN, OLD = "a clip", "another clip", "a clip of an older epoch"
PLAIN = "a clip without times"
PICTURE, LARGE = "a snapshot", "a snapshot in two parts"


class Objects:
    """The good objects, and the means to make bad ones of their bytes."""

    def __init__(self, home: Home, foreign: Home) -> None:
        self.home, self.foreign = home, foreign
        self.data: dict[str, bytes] = {}
        self.vectors: list[Vector] = []

    def good(self, name: str, data: bytes, metadata: Metadata, content: bytes, times: list[list[int]]) -> None:
        self.data[name] = data
        self.add(name, [b64u(data)], known_id(name), whole(metadata, content, times), kind=metadata.kind)

    def add(self, name: str, pieces: list[Piece], of_id: str, result: Any, **changes: Any) -> None:
        """`changes`: to roster, epochs, or what is expected."""
        expected = {"edge": self.home.edge.id, "object_id": of_id}
        expected |= {key: changes[key] for key in ("edge", "camera", "kind", "object_id") if key in changes}
        epochs = changes.get("epochs", self.home.epochs)
        self.vectors.append(
            {
                "name": name,
                "pieces": pieces,
                "roster": changes.get("roster", "home"),
                "epochs": {str(number): b64u(private) for number, private in epochs.items()},
                "expected": expected,
                "outcome": {"reason": result} if isinstance(result, str) else result,
            }
        )

    def bad(self, name: str, reason: str, pieces: list[Piece], of: str = CLIP, **changes: Any) -> None:
        self.add(name, pieces, known_id(of), reason, **changes)

    def flip(self, name: str, reason: str, at: int, of: str = CLIP, **changes: Any) -> None:
        """One bit changed."""
        self.put(name, reason, at, bytes([self.data[of][at] ^ 1]), of, **changes)

    def put(self, name: str, reason: str, at: int, value: bytes, of: str = CLIP, **changes: Any) -> None:
        """Some bytes replaced."""
        size = len(self.data[of])
        at = at % size
        pieces: list[Piece] = [[of, 0, at], b64u(value), [of, at + len(value), size]]
        self.bad(name, reason, pieces, of, **changes)

    def forge(self, name: str, reason: str, make: Callable[[Forger], bytes], **changes: Any) -> None:
        """Sealed anew by a liar."""
        keys = changes.pop("keys", self.home.edge_keys)
        epoch = changes.pop("sealed_to", self.home.roster.epoch)
        metadata = changes.pop("metadata", self.home.metadata())
        forger = Forger(keys, epoch, metadata, known_id(name))
        self.bad(name, reason, [b64u(make(forger))], name, **changes)


def whole(metadata: Metadata, content: bytes, times: list[list[int]] | None, count: int | None = None) -> Vector:
    """The outcome of an object that opens."""
    return {
        "state": "truncated" if times is None else "complete",
        "parts": count if times is None else len(times),
        "times": times,
        "content": b64u(hashlib.sha256(content).digest()),
        "metadata": metadata.model_dump(mode="python"),
    }


def make(home: Home, foreign: Home) -> dict[str, list[Vector]]:
    """All of them."""
    objects = Objects(home, foreign)
    _good(objects)
    _cut(objects)
    _header(objects)
    _belonging(objects)
    _moved(objects)
    _trailer(objects)
    _forged_parts(objects)
    _forged_tables(objects)
    _forged_pictures(objects)
    return {"objects": objects.vectors}


def clip_parts() -> list[bytes]:
    """The plaintexts of the good clips."""
    return [parts.pad_clip(b"init segment"), *(parts.pad_clip(fragment[0]) for fragment in FRAGMENTS)]


TIMES = [[0, 0, 0], [0, 90_000, 1], [90_000, 89_000, 0]]


def _good(objects: Objects) -> None:
    home = objects.home
    content = b"".join(clip_parts())
    epochs = home.roster.state.epochs
    for name, epoch in ((CLIP, epochs[1]), (TWIN, epochs[1]), (OLD, epochs[0])):
        metadata = home.metadata()
        objects.good(name, seal_clip(home.edge_keys, epoch, metadata, known_id(name)), metadata, content, TIMES)
    for name, picture in ((PICTURE, seed("jpeg") * 100), (LARGE, seed("large") * 2200)):
        metadata = home.picture(camera="garden ü")
        data = seal_picture(home.edge_keys, epochs[1], metadata, known_id(name), picture)
        objects.good(name, data, metadata, picture, [[0, 0, 0]] * (1 if name == PICTURE else 2))
    name = "a thumbnail that fills its part but for nothing"
    metadata = home.picture("thumbnail", width=320, height=180)
    data = seal_picture(home.edge_keys, epochs[1], metadata, known_id(name), bytes(4092))
    objects.good(name, data, metadata, bytes(4092), [[0, 0, 0]])


def _layout(objects: Objects, of: str = CLIP) -> tuple[int, list[int], int, int]:
    """Header size, where parts begin and the last one ends, where the footer begins, size."""
    data = objects.data[of]
    header = 1284 + int.from_bytes(data[32:36], "big") + 32
    offsets = [header]
    while len(data) - offsets[-1] > 16:
        offsets.append(offsets[-1] + 4 + int.from_bytes(data[offsets[-1] : offsets[-1] + 4], "big"))
    return header, offsets[:-1], offsets[-1], len(data)


def _cut(objects: Objects) -> None:
    header, offsets, footer, size = _layout(objects)
    plain, metadata = clip_parts(), objects.home.metadata()
    cuts = [
        ("its writer died after the header", header, 0),
        ("its writer died inside the first length", header + 3, 0),
        ("its writer died inside the first part", header + 2000, 0),
        ("its writer died after the init segment", offsets[1], 1),
        ("its writer died inside the second fragment", offsets[2] + 100, 2),
        ("its writer died before the trailer", offsets[3], 3),
        ("its writer died inside the trailer", footer - 1, 3),
        ("its writer died before the footer", footer, 3),
        ("its writer died inside the footer", footer + 5, 3),
        ("its writer died before the last byte", size - 1, 3),
    ]
    for name, end, count in cuts:
        result = whole(metadata, b"".join(plain[:count]), None, count)
        objects.add(name, [[CLIP, 0, end]], known_id(CLIP), result)
    _, offsets, _, _ = _layout(objects, LARGE)
    first = (seed("large") * 2200)[: parts.MAX_DATA]
    result = whole(objects.home.picture(camera="garden ü"), first, None, 1)
    objects.add("a snapshot's writer died", [[LARGE, 0, offsets[1] + 9]], known_id(LARGE), result)


def _header(objects: Objects) -> None:
    header, _, _, _ = _layout(objects)
    objects.bad("an empty file", "too_short", [])
    objects.bad("eight bytes", "too_short", [[CLIP, 0, 8]])
    objects.bad("a file that ends inside its header", "too_short", [[CLIP, 0, 1000]])
    objects.bad("a file that ends at its header's last byte", "too_short", [[CLIP, 0, header - 1]])
    objects.bad("zeros", "not_sealed", [b64u(bytes(2000))])
    objects.flip("another magic", "not_sealed", 7)
    objects.put("another version", "unsupported", 8, b"\x02")
    objects.put("version zero", "unsupported", 8, b"\x00")
    objects.put("another suite", "unsupported", 9, b"\x02")
    objects.put("suite zero", "unsupported", 9, b"\x00")
    objects.put("reserved byte not zero", "header_malformed", 10, b"\x01")
    objects.put("the other reserved byte not zero", "header_malformed", 11, b"\x80")
    objects.put("epoch zero", "header_malformed", 12, bytes(4))
    objects.put("metadata of no allowed length", "header_malformed", 32, (273).to_bytes(4, "big"))
    objects.put("metadata too short", "header_malformed", 32, (16).to_bytes(4, "big"))
    objects.put("metadata of 4 GiB", "header_malformed", 32, b"\xff" * 4)
    objects.put("metadata longer than the file", "too_short", 32, (65_296).to_bytes(4, "big"))
    objects.put("metadata said to be shorter", "wrong_key", 32, (272).to_bytes(4, "big"))
    objects.put("an epoch that never was", "epoch_unknown", 12, (3).to_bytes(4, "big"))
    objects.put("another epoch that was", "wrong_key", 12, (1).to_bytes(4, "big"))
    objects.flip("another object id", "wrong_object", 16)
    other = (int(known_id(CLIP)[:2], 16) ^ 1).to_bytes(1, "big").hex() + known_id(CLIP)[2:]
    objects.flip("another object id, and asked for", "wrong_key", 16, object_id=other)
    objects.flip("encapsulation changed", "wrong_key", PREFIX)
    objects.flip("encapsulation's second half changed", "wrong_key", FIXED - 49)
    objects.flip("wrapped key changed", "wrong_key", FIXED - 1)
    objects.flip("metadata changed", "header_damaged", FIXED)
    objects.flip("sealed signature changed", "header_damaged", header - 33)
    objects.flip("HMAC changed", "header_damaged", header - 1)


def _belonging(objects: Objects) -> None:
    home, foreign = objects.home, objects.foreign
    clip: list[Piece] = [[CLIP, 0, len(objects.data[CLIP])]]
    objects.bad("another clip in place of the one asked for", "wrong_object", clip, TWIN)
    objects.bad("another camera than asked for", "wrong_object", clip, camera="back")
    objects.bad("another kind than asked for", "wrong_object", clip, kind="snapshot")
    objects.bad("asked for from an edge nobody knows", "stranger", clip, edge=known_id("stranger"))
    objects.bad("asked for from another edge", "wrong_key", clip, edge=home.second.id)
    objects.bad("no key of its epoch", "epoch_unknown", clip, epochs={1: home.epochs[1]})
    objects.bad("another key under its epoch", "wrong_key", clip, epochs={2: home.epochs[1]})
    whole_clip = Forger.clip

    def forge(name: str, reason: str, **changes: Any) -> None:
        objects.forge(name, reason, lambda forger: whole_clip(forger).close(), **changes)

    theirs = foreign.metadata()
    forge(
        "another household's",
        "stranger",
        keys=foreign.edge_keys,
        metadata=theirs,
        sealed_to=foreign.roster.epoch,
        edge=foreign.edge.id,
    )
    forge("another household's, said to be of this edge", "wrong_key", keys=foreign.edge_keys, metadata=theirs)
    forge("sealed to another household's vault", "wrong_key", sealed_to=foreign.roster.epoch)
    forge("signed by a stranger", "bad_signature", keys=known_keys("stranger"))
    forge("signed by another edge", "bad_signature", keys=home.keys_of("second edge"))
    forge("signed by a member", "bad_signature", keys=home.owner.keys)
    forge(
        "of a revoked edge",
        "revoked",
        keys=home.keys_of("old edge"),
        metadata=home.metadata(edge=home.old.id),
        edge=home.old.id,
    )
    forge("of a revoked edge, under the name of one in use", "bad_signature", keys=home.keys_of("old edge"))


def _moved(objects: Objects) -> None:
    header, at, footer, size = _layout(objects)
    first, second = [CLIP, at[1], at[2]], [CLIP, at[2], at[3]]
    start, end = [CLIP, 0, at[1]], [CLIP, at[3], size]
    objects.bad("two parts exchanged", "damaged", [start, second, first, end])
    objects.bad("a part twice in place of another", "damaged", [start, first, first, end])
    objects.bad("a part left out", "trailer_damaged", [start, second, end])
    objects.bad("a part added", "trailer_damaged", [start, first, second, second, end])
    objects.bad("an early trailer", "trailer_damaged", [start, first, end])
    objects.bad("a part of another clip", "damaged", [start, first, [TWIN, at[2], at[3]], end])
    objects.bad("another clip's header", "trailer_damaged", [[TWIN, 0, header], [CLIP, header, size]], TWIN)
    objects.bad("another clip's header, no trailer", "damaged", [[TWIN, 0, header], [CLIP, header, at[3]]], TWIN)
    objects.bad("another clip's trailer", "trailer_damaged", [[CLIP, 0, at[3]], [TWIN, at[3], size]])
    objects.bad("two objects joined", "trailer_damaged", [[CLIP, 0, size], [TWIN, 0, size]])
    objects.bad("no trailer, two parts exchanged", "damaged", [start, second, first])
    objects.bad("no trailer, a part of another clip", "damaged", [start, [TWIN, at[1], at[2]]])
    objects.bad("no trailer, a part left out", "damaged", [start, second])
    objects.bad("zeros after the last part", "damaged", [[CLIP, 0, at[3]], b64u(bytes(64))])
    objects.bad("a length above the limit after the last part", "damaged", [[CLIP, 0, at[3]], b64u(b"\xff" * 64)])
    objects.bad("a byte after the footer", "damaged", [[CLIP, 0, size], b64u(b"\0")])
    objects.flip("a byte of the init segment changed", "damaged", at[0] + 100)
    objects.flip("a byte of a fragment changed", "damaged", at[1] + 100)
    objects.flip("a tag changed", "damaged", at[2] - 1)
    objects.flip("a length changed", "damaged", at[1] + 3)
    objects.bad("no trailer, a byte changed", "damaged", [start, [CLIP, at[1], at[2] - 1], b64u(b"\0"), second])
    assert footer < size


def _trailer(objects: Objects) -> None:
    _, at, footer, size = _layout(objects)
    objects.flip("a byte of the trailer changed", "trailer_damaged", at[3] + 9)
    objects.flip("the trailer's length changed", "trailer_damaged", at[3] + 1)
    objects.flip("the footer's length changed", "trailer_damaged", footer + 2)
    objects.put("a footer longer than the file", "trailer_damaged", footer, (8 * 1024 * 1024 + 16).to_bytes(4, "big"))
    objects.put("a footer with a count of zero", "trailer_damaged", footer + 4, bytes(4))
    objects.put("a footer with another count", "trailer_damaged", footer + 4, (2).to_bytes(4, "big"))
    objects.put("a footer with a count that overflows", "trailer_damaged", footer + 4, b"\xff" * 4)
    objects.flip("the footer's magic changed", "damaged", size - 1)
    objects.bad("cut inside the footer, and changed", "damaged", [[CLIP, 0, footer], b64u(b"\0\0\x10\x11")])
    objects.bad("only a header and a footer", "trailer_damaged", [[CLIP, 0, at[0]], [CLIP, footer, size]])


def _forged_parts(objects: Objects) -> None:
    plain = bytes(4096)
    objects.forge("a part of another type", "damaged", lambda forger: forger.clip().part(PartType.DATA, plain).data)
    objects.forge("a fragment first", "damaged", lambda forger: forger.part(PartType.MEDIA, plain).data)
    objects.forge(
        "a part whose counter skips one",
        "damaged",
        lambda forger: forger.clip().part(PartType.MEDIA, plain, counter=3).data,
    )
    objects.forge(
        "a part whose counter overflows",
        "damaged",
        lambda forger: forger.clip().part(PartType.MEDIA, plain, counter=2**64 - 1).data,
    )
    objects.forge(
        "a part of no allowed length", "damaged", lambda forger: forger.clip().part(PartType.MEDIA, bytes(4100)).data
    )
    objects.forge("parts after the trailer", "damaged", _after_trailer)
    objects.forge(
        "a trailer whose counter skips one", "trailer_damaged", lambda forger: forger.clip().close(counter=3, count=3)
    )
    objects.forge("a trailer that is no trailer", "trailer_damaged", _data_as_trailer)


def _after_trailer(forger: Forger) -> bytes:
    forger.clip().close()
    return forger.part(PartType.MEDIA, bytes(4096)).data


def _data_as_trailer(forger: Forger) -> bytes:
    forger.clip().part(PartType.MEDIA, bytes(4096))
    return forger.data + parts.write_footer(4112, 2)


def _forged_tables(objects: Objects) -> None:
    home = objects.home
    base = Forger(home.edge_keys, home.roster.epoch, home.metadata(), known_id(PLAIN)).clip()
    end, rows = len(base.data), list(base.rows)
    times = [[0, 0, 0], [0, 0, 0]]
    objects.good(PLAIN, base.close(), base.metadata, bytes(8192), times)

    def lied(edit: Callable[[bytes], bytes], signer: Keys | None = None) -> list[Piece]:
        # The same parts under another trailer. Sealing it twice with one counter is what an honest writer never does.
        base.data, base.rows = base.data[:end], list(rows)
        return [[PLAIN, 0, end], b64u(base.close(edit, signer=signer)[end:])]

    def table(name: str, edit: Callable[[Vector], Any], reason: str = "trailer_damaged") -> None:
        def lie(data: bytes) -> bytes:
            value = json.loads(data)
            edit(value)
            return json.dumps(value, separators=(",", ":")).encode()

        objects.bad(name, reason, lied(lie), PLAIN)

    def row(name: str, index: int, column: int, value: Any) -> None:
        table(name, lambda found: found["parts"][index].__setitem__(column, value))

    table("a table of another version", lambda value: value.update(v=2))
    table("a table that is not final", lambda value: value.update(final=False))
    table("a table with an unknown field", lambda value: value.update(note=""))
    table("a table without its body hash", lambda value: value.pop("body"))
    table("a table that leaves a part out", lambda value: value["parts"].pop())
    table("a table with a part too many", lambda value: value["parts"].append(value["parts"][-1]))
    table("a table without parts", lambda value: value.update(parts=[]))
    table("a table with another body's hash", lambda value: value.update(body="0" * 64), "body_damaged")
    table("a body hash of another length", lambda value: value.update(body="00"))
    table("a row too short", lambda value: value["parts"][1].pop())
    row("a part said to lie elsewhere", 1, 0, 0)
    row("a part said to overlap", 1, 0, 2000)
    row("a part said to be larger", 1, 1, 8212)
    row("a part said to lie beyond all numbers", 1, 0, 2**60)
    row("a negative start", 1, 2, -1)
    row("a start with a fraction", 1, 2, 0.5)
    row("a key frame that is neither", 1, 4, 2)
    row("a key frame that is true", 1, 4, True)
    row("an init segment that plays", 0, 3, 90_000)
    objects.bad("a table that is no JSON", "trailer_damaged", lied(lambda _: b"parts"), PLAIN)
    stranger = lied(lambda table: table, known_keys("stranger"))
    objects.bad("a trailer signed by a stranger", "bad_signature", stranger, PLAIN)
    objects.forge("a trailer with no part before it", "trailer_damaged", lambda forger: forger.close())


def _forged_pictures(objects: Objects) -> None:
    def picture(name: str, reason: str, *plain: bytes) -> None:
        def make(forger: Forger) -> bytes:
            for plaintext in plain:
                forger.part(PartType.DATA, plaintext)
            return forger.close()

        objects.forge(name, reason, make, metadata=objects.home.picture())

    small = (8).to_bytes(4, "big") + b"8 bytes!"
    picture("padding that is not zero", "damaged", small + b"\x01" + bytes(4083))
    picture("data longer than its part", "damaged", (4093).to_bytes(4, "big") + bytes(4092))
    picture("data of no length", "damaged", bytes(4096))
    picture("a part before the last that is not full", "damaged", small + bytes(4084), small + bytes(4084))

    def metadata(name: str, **changes: Any) -> None:
        # Past the model, which would refuse to make it.
        lying = objects.home.metadata().model_copy(update=changes)
        reason = changes.pop("reason", "header_damaged")
        objects.forge(name, reason, lambda forger: forger.clip().close(), metadata=lying)

    metadata("metadata of an unknown kind", kind="sound")
    metadata("metadata of a clip that is a picture", media="image/jpeg")
    metadata("metadata of a clip without codec", codec="")
    metadata("metadata of no time scale", timescale=0)
    metadata("metadata of another version", v=2)
    metadata("metadata without a camera", camera="")
    metadata("metadata with a negative width", width=-1)
