"""What the player needs around it: a household and its sealed clip made in Python, a page server, a relay's stand-in.

The stand-in speaks the relay's routes and checks a member's signature as the relay does; it has no gateway behind it.
"""

import io
import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import av
import numpy as np

from guardian.vault import messages, roster_author, slots
from guardian.vault.encoding import b64u, from_b64u, new_id
from guardian.vault.errors import VaultError
from guardian.vault.header import Kind, Metadata
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster
from guardian.vault.roster_form import Edge
from guardian.vault.writer import SealedWriter

SECRET = "nine brown otters swim"
START = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
SECONDS = 30
FPS = 15
TICKS = 15_360
SIZE = (640, 360)


def grey_of(second: int) -> int:
    """The shade in the middle of every picture of a second: tells which second a decoded frame is of."""
    # Far from its neighbours' shades, so that no encoder takes the change for nothing.
    return 20 + 7 * (second * 11 % 30)


def make_mp4(gop: int = 1) -> bytes:
    """Fragmented H.264 with B-frames: a fragment a second, a key frame every `gop`, noise around a flat middle."""
    out = io.BytesIO()
    width, height = SIZE
    noise = np.random.default_rng(7)
    flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}
    with av.open(out, "w", format="mp4", options=flags) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {
            "preset": "ultrafast",
            "crf": "30",
            "x264-params": f"keyint={FPS * gop}:min-keyint={FPS * gop}:scenecut=0:bframes=2:b-adapt=0:open-gop=0",
        }
        for index in range(SECONDS * FPS):
            small = noise.integers(0, 255, (height // 8, width // 8, 1), np.uint8)
            picture = np.repeat(np.repeat(np.repeat(small, 8, 0), 8, 1), 3, 2)
            picture[height // 4 : -height // 4, width // 4 : -width // 4] = grey_of(index // FPS)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def split(mp4: bytes) -> tuple[bytes, list[bytes]]:
    """Init segment and fragments."""
    init, fragments, at = b"", [], 0
    while at < len(mp4):
        size, kind = int.from_bytes(mp4[at : at + 4], "big"), mp4[at + 4 : at + 8]
        box, at = mp4[at : at + size], at + size
        if kind in (b"ftyp", b"moov"):
            init += box
        elif kind == b"moof":
            fragments.append(box)
        elif kind == b"mdat":
            fragments[-1] += box
    return init, fragments


@dataclass
class Household:
    """An owner with a slot under SECRET, one edge, and the objects it sealed."""

    folder: Path
    edge_keys: Keys = field(default_factory=Keys.generate)
    edge_id: str = field(default_factory=new_id)
    objects: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys = Keys.generate()
        self.owner, first = roster_author.genesis("Owner", keys)
        edge = Edge(
            id=self.edge_id, name="Hall", sign=self.edge_keys.sign_public, receive=self.edge_keys.receive_public
        )
        roster = Roster.verify([first])
        self.roster = roster.extend([roster_author.add_edge(roster, self.owner, edge)])
        self.slot = slots.create_with_secret(SECRET, self.roster.household, self.owner.id, keys)

    def published(self) -> dict[str, Any]:
        """What the control plane would give the page."""
        entries = [{"payload": b64u(e.payload), "signature": b64u(e.signature)} for e in self.roster.entries]
        return {"slots": [json.loads(self.slot.to_json())], "entries": entries}

    def seal_clip(self, mp4: bytes, *, close: bool = True, gop: int = 1) -> str:
        """A sealed clip's id; without `close` its writer died."""
        init, fragments = split(mp4)
        object_id = new_id()
        path = self.folder / f"{object_id}.sealed"
        with self._writer(path, object_id, "clip") as writer:
            writer.init(init)
            for index, fragment in enumerate(fragments):
                writer.media(fragment, index * TICKS, TICKS, index % gop == 0)
            if close:
                writer.close()
        self.objects[object_id] = path.read_bytes()
        return object_id

    def seal_snapshot(self, jpeg: bytes) -> str:
        """A sealed snapshot's id."""
        object_id = new_id()
        path = self.folder / f"{object_id}.sealed"
        with self._writer(path, object_id, "snapshot") as writer:
            writer.data(jpeg)
            writer.close()
        self.objects[object_id] = path.read_bytes()
        return object_id

    def _writer(self, path: Path, object_id: str, kind: Kind) -> SealedWriter:
        clip = kind == "clip"
        meta = Metadata(
            household=self.roster.household,
            edge=self.edge_id,
            camera="front",
            kind=kind,
            start=START,
            media="video/mp4" if clip else "image/jpeg",
            codec="avc1.64001e" if clip else "",
            timescale=TICKS if clip else 1,
            width=SIZE[0],
            height=SIZE[1],
            pre_capture_ms=0,
        )
        return SealedWriter.create(path, self.roster.epoch, self.edge_keys, meta, object_id=object_id)


@dataclass
class Stand:
    """The two servers' shared state: what they serve, and all they were sent."""

    home: Household
    files: Path
    node: str = field(default_factory=new_id)
    page_url: str = ""
    relay_url: str = ""
    # Everything that left the browser: request lines, headers, bodies.
    heard: list[str] = field(default_factory=list)
    opened: int = 0
    offline: bool = False
    served: dict[str, int] = field(default_factory=dict)
    challenges: set[str] = field(default_factory=set)
    tickets: dict[str, set[str]] = field(default_factory=dict)
    sessions: dict[str, set[str]] = field(default_factory=dict)

    def ref(self, object_id: str, **more: Any) -> dict[str, Any]:
        """What the page asks for an object by."""
        return {"id": object_id, "nodeId": self.node, "edgeId": self.home.edge_id, "cameraId": "front", **more}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand: Stand

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def body(self) -> bytes:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.stand.heard.append(f"{self.requestline}\n{self.headers}\n{data.decode(errors='replace')}")
        return data

    def answer(self, status: int, data: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in {**self.common(), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def common(self) -> dict[str, str]:
        return {}

    def json(self, status: int, value: Any) -> None:
        self.answer(status, json.dumps(value).encode())


class PageHandler(_Handler):
    """Static files under the product's kind of policy, and tickets."""

    KINDS: ClassVar = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css"}

    def common(self) -> dict[str, str]:
        policy = (
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
            f"img-src 'self' blob:; media-src 'self'; connect-src 'self' {self.stand.relay_url}"
        )
        return {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}

    def do_GET(self) -> None:
        self.body()
        path = self.stand.files / (self.path.lstrip("/") or "index.html")
        if not path.is_file():
            return self.answer(404, b"", "text/plain")
        return self.answer(200, path.read_bytes(), self.KINDS[path.suffix])

    def do_POST(self) -> None:
        wanted = json.loads(self.body())
        ticket = secrets.token_urlsafe(24)
        self.stand.tickets[ticket] = {*wanted["objects"], *wanted["events"]}
        grant = {"ticket": ticket, "node_id": wanted["node_id"], "relay_url": self.stand.relay_url}
        self.json(200, {**grant, "expires": _in(60)})


class RelayHandler(_Handler):
    """The relay's routes: challenge, session, sealed bytes by range."""

    def common(self) -> dict[str, str]:
        return {
            "Access-Control-Allow-Origin": self.stand.page_url,
            "Access-Control-Allow-Headers": "authorization, content-type, range",
            "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
            "Access-Control-Expose-Headers": "content-range",
        }

    def do_OPTIONS(self) -> None:
        self.answer(204, b"")

    def do_POST(self) -> None:
        asked = json.loads(self.body())
        if asked["ticket"] not in self.stand.tickets:
            return self.json(403, {"reason": "ticket_refused"})
        if self.path == "/v1/challenges":
            challenge = b64u(secrets.token_bytes(32))
            self.stand.challenges.add(challenge)
            return self.json(200, {"challenge": challenge, "node": self.stand.node, "expires": _in(60)})
        self.stand.challenges.remove(asked["challenge"])
        try:
            messages.verify_challenge(
                self.stand.home.roster,
                asked["member"],
                self.stand.node,
                from_b64u(asked["challenge"], 32),
                asked["ticket"],
                from_b64u(asked["signature"]),
            )
        except VaultError as error:
            return self.json(403, {"reason": error.reason})
        token = secrets.token_urlsafe(24)
        self.stand.opened += 1
        self.stand.sessions[token] = set(self.stand.tickets[asked["ticket"]])
        return self.json(200, {"session": token, "expires": _in(600)})

    def do_PUT(self) -> None:
        asked, session = json.loads(self.body()), self._session()
        if session is None:
            return self.json(401, {"reason": "session_expired"})
        session |= self.stand.tickets[asked["ticket"]]
        return self.json(200, {"expires": _in(600)})

    def do_DELETE(self) -> None:
        self.body()
        self.stand.sessions.pop(self._token(), None)
        self.answer(204, b"")

    def do_GET(self) -> None:
        self.body()
        session, object_id = self._session(), self.path.rpartition("/")[2]
        if session is None:
            return self.json(401, {"reason": "session_expired"})
        if object_id not in session:
            return self.json(403, {"reason": "ticket_refused"})
        if self.stand.offline:
            return self.json(503, {"reason": "edge_offline"})
        return self._range(object_id, self.stand.home.objects[object_id])

    def _range(self, object_id: str, data: bytes) -> None:
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers["Range"])
        assert match is not None
        total = len(data)
        start = int(match[1]) if match[1] else total - int(match[2])
        end = min(int(match[2]) + 1 if match[1] and match[2] else total, total)
        if start >= total:
            return self.answer(416, b"", Content_Range=f"bytes */{total}")
        self.stand.served[object_id] = self.stand.served.get(object_id, 0) + end - start
        return self.answer(
            206, data[start:end], "application/octet-stream", Content_Range=f"bytes {start}-{end - 1}/{total}"
        )

    def _token(self) -> str:
        return (self.headers["Authorization"] or "").removeprefix("Bearer ")

    def _session(self) -> set[str] | None:
        return self.stand.sessions.get(self._token())


def _in(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@contextmanager
def _serving(handler: type[_Handler], stand: Stand) -> Iterator[str]:
    bound = type(handler.__name__, (handler,), {"stand": stand})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def standing(home: Household, files: Path) -> Iterator[Stand]:
    """Both servers, on two origins."""
    stand = Stand(home, files)
    with _serving(PageHandler, stand) as stand.page_url, _serving(RelayHandler, stand) as stand.relay_url:
        yield stand
