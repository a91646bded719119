"""A household made of known keys, and a writer that lies: what vectors and vault tests are made of."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from guardian.vault import header, parts, roster_author
from guardian.vault.header import Header, Metadata
from guardian.vault.identity import Keys
from guardian.vault.parts import Part, PartType, Table
from guardian.vault.roster import Roster, RosterEntry
from guardian.vault.roster_author import Author
from guardian.vault.roster_form import Edge, Epoch
from guardian.vault.writer import SealedWriter

TIME = datetime(2026, 1, 31, 8, 0, 0, 250_000, UTC)


def seed(label: str) -> bytes:
    """32 bytes that everybody knows."""
    return hashlib.sha256(b"guardian vectors, no secret: " + label.encode()).digest()


def known_id(label: str) -> str:
    """An id that everybody knows."""
    return seed("id " + label)[:16].hex()


def known_keys(label: str) -> Keys:
    """Keys that everybody knows."""
    return Keys(seed("sign " + label), seed("receive " + label))


def edge_of(label: str) -> Edge:
    """The public side of an edge."""
    keys = known_keys(label)
    return Edge(id=known_id(label), name=label, sign=keys.sign_public, receive=keys.receive_public)


@dataclass
class Home:
    """Owner and partner are members, one who left was; one edge is in use, one was revoked. Two epochs."""

    label: str = "home"
    roster: Roster = field(init=False)
    owner: Author = field(init=False)
    partner: Author = field(init=False)
    left: Author = field(init=False)
    edge: Edge = field(init=False)
    edge_keys: Keys = field(init=False)
    second: Edge = field(init=False)
    old: Edge = field(init=False)

    def __post_init__(self) -> None:
        self.owner, first = roster_author.genesis(
            "Owner",
            self._keys("owner"),
            member_id=known_id(f"{self.label} owner"),
            time=TIME,
        )
        self.roster = Roster.verify([first])
        self.edge, self.edge_keys = self._edge("edge")
        self.second, _ = self._edge("second edge")
        self.old, _ = self._edge("old edge")
        self.partner = self._join("partner")
        self.left = self._join("left")
        self.add(roster_author.revoke_edge(self.roster, self.owner, self.old.id, time=TIME))
        self.add(roster_author.remove_member(self.roster, self.owner, self.left.id, time=TIME))

    def add(self, entry: RosterEntry) -> None:
        """Let an entry count."""
        self.roster = self.roster.extend([entry])

    def keys_of(self, who: str) -> Keys:
        """Private keys of anyone of this household."""
        return self._keys(who)

    @property
    def epochs(self) -> dict[int, bytes]:
        """The vault's private seeds."""
        return dict(roster_author.open_epochs(self.roster, self.owner))

    def metadata(self, **changes: Any) -> Metadata:
        """Of a clip of this home's edge, unless changed."""
        values: dict[str, Any] = {
            "household": self.roster.household,
            "edge": self.edge.id,
            "camera": "front",
            "kind": "clip",
            "start": TIME,
            "media": "video/mp4",
            "codec": "avc1.64001f",
            "timescale": 90_000,
            "width": 1920,
            "height": 1080,
            "pre_capture_ms": 5000,
        }
        return Metadata(**(values | changes))

    def picture(self, kind: str = "snapshot", **changes: Any) -> Metadata:
        """Of a still picture."""
        still = {"kind": kind, "media": "image/jpeg", "codec": "", "timescale": 1, "pre_capture_ms": 0}
        return self.metadata(**(still | changes))

    def _keys(self, who: str) -> Keys:
        return known_keys(f"{self.label} {who}")

    def _edge(self, who: str) -> tuple[Edge, Keys]:
        edge = edge_of(f"{self.label} {who}")
        self.add(roster_author.add_edge(self.roster, self.owner, edge, time=TIME))
        return edge, self._keys(who)

    def _join(self, who: str) -> Author:
        keys = self._keys(who)
        member = roster_author.describe_member(who.title(), keys, known_id(f"{self.label} {who}"))
        self.add(roster_author.add_member(self.roster, self.owner, member, time=TIME))
        return Author(member.id, keys)


class MemorySink:
    """Sealed bytes kept in memory."""

    def __init__(self) -> None:
        self.data = b""
        self.synced = 0

    def write(self, *pieces: bytes | memoryview) -> None:
        self.data += b"".join(pieces)

    def sync(self) -> None:
        self.synced = len(self.data)

    def close(self) -> None:
        """Nothing to let go."""


Fragment = tuple[bytes, int, int, bool]
FRAGMENTS: list[Fragment] = [(b"first second " * 300, 0, 90_000, True), (b"other second " * 300, 90_000, 89_000, False)]


def seal_clip(
    keys: Keys, epoch: Epoch, metadata: Metadata, object_id: str, fragments: Iterable[Fragment] = FRAGMENTS
) -> bytes:
    """A complete clip."""
    sink = MemorySink()
    writer = SealedWriter(sink, epoch, keys, metadata, object_id=object_id)
    writer.init(b"init segment")
    for fragment in fragments:
        writer.media(*fragment)
    writer.close()
    return sink.data


def seal_picture(keys: Keys, epoch: Epoch, metadata: Metadata, object_id: str, content: bytes) -> bytes:
    """A complete snapshot or thumbnail."""
    sink = MemorySink()
    writer = SealedWriter(sink, epoch, keys, metadata, object_id=object_id)
    writer.data(content)
    writer.close()
    return sink.data


@dataclass
class Forger:
    """Seals what the honest writer would not: an edge gone bad, or somebody with its metadata but another key."""

    keys: Keys
    epoch: Epoch
    metadata: Metadata
    object_id: str
    data: bytes = b""
    rows: list[Part] = field(default_factory=list)
    header: Header = field(init=False)

    def __post_init__(self) -> None:
        self.data, self.header = header.make(
            self.metadata, self.epoch.number, self.epoch.public, self.keys, self.object_id
        )

    def part(self, type_: PartType, plaintext: bytes, *, counter: int | None = None) -> "Forger":
        """Append a part, with any type and counter."""
        at = len(self.rows) if counter is None else counter
        nonce = b"\0" * 4 + at.to_bytes(8, "big")
        aad = self.header.hash + at.to_bytes(8, "big") + bytes([type_])
        ct = self.header.part_key.encrypt(nonce, plaintext, aad)
        self.rows.append(Part(len(self.data), 4 + len(ct)))
        self.data += len(ct).to_bytes(4, "big") + ct
        return self

    def clip(self) -> "Forger":
        """An init segment and one fragment."""
        return self.part(PartType.INIT, bytes(4096)).part(PartType.MEDIA, bytes(4096))

    def close(
        self,
        edit: Callable[[bytes], bytes] = lambda table: table,
        *,
        signer: Keys | None = None,
        counter: int | None = None,
        count: int | None = None,
    ) -> bytes:
        """Append a trailer whose table was edited, and a footer."""
        body = hashlib.sha256(self.data[self.header.prefix.size :]).digest()
        table = edit(parts.write_table(Table(body, tuple(self.rows))))
        signature = (signer or self.keys).sign(parts.signed_table(self.header, table))
        at = len(self.rows)
        self.part(PartType.TRAILER, parts.pad_trailer(signature, table), counter=counter)
        size = self.rows.pop().size - 4
        self.data += parts.write_footer(size, at if count is None else count)
        return self.data
