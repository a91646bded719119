"""The socket the cameras dial: frames are taken in turn, a bounded number from each; notes are passed on at once."""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guardian.common import ipc, log, sockets
from guardian.common.errors import PeerError
from guardian.edge.analyzer.protocol import FrameHead, Hello, Idle, Message, parse

# Frames a camera may have on the way: one being looked at, one waiting.
CREDITS = 2
_HELLO_SECONDS = 5.0
_MAX_UNSENT = 1 << 20
# Asked anew when it is to last so much longer: what the camera was told last is at most this much too short.
_RENEW_SECONDS = 0.5
# A frame arrives in few pieces instead of many.
_BUFFER = 4 << 20
_log = log.get(__name__)


@dataclass
class Link:
    """One camera's connection."""

    camera: str
    name: str
    labels: tuple[str, ...]
    writer: asyncio.StreamWriter
    heard: float
    waiting: deque[tuple[Message, bytes]] = field(default_factory=deque)
    credits: int = 0
    recording_until: float = 0.0

    def send(self, header: dict[str, Any]) -> None:
        """A small message to the camera; one that does not read is let go."""
        if self.writer.transport.get_write_buffer_size() > _MAX_UNSENT:
            self.writer.transport.abort()
            return
        self.writer.writelines(bytes(part) for part in ipc.pack(header))

    def grant(self, frames: int) -> None:
        """Let the camera send so many more frames."""
        self.credits += frames
        self.send({"type": "credit", "frames": frames})

    def record(self, until: float) -> None:
        """Ask for recording; not for every frame again."""
        if until >= self.recording_until + _RENEW_SECONDS:
            self.recording_until = until
            self.send({"type": "record", "until": until})


class Intake:
    """Accepts cameras; `next` gives their frames in turn."""

    def __init__(
        self,
        socket: Path,
        *,
        on_hello: Callable[[Link], Awaitable[None]],
        on_note: Callable[[Link, Message], Awaitable[None]],
    ) -> None:
        self._socket = socket
        self._on_hello, self._on_note = on_hello, on_note
        self.links: dict[str, Link] = {}
        self._turns: deque[Link] = deque()
        self._arrived = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the socket. The run directory is its guard; its group may dial."""
        sockets.make_way(self._socket)
        self._server = await asyncio.start_unix_server(self._serve, str(self._socket), limit=_BUFFER)
        os.chmod(self._socket, sockets.MODE)

    async def stop(self) -> None:
        """Close the socket and all connections."""
        if self._server is not None:
            self._server.close()
        for link in self.links.values():
            link.writer.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.unlink(missing_ok=True)

    @property
    def idle(self) -> bool:
        """Whether every frame that came was taken."""
        return not self._turns

    async def next(self) -> tuple[Link, Message, bytes]:
        """The next frame or idle, of the camera whose turn it is."""
        while not self._turns:
            self._arrived.clear()
            await self._arrived.wait()
        link = self._turns.popleft()
        message, payload = link.waiting.popleft()
        if link.waiting:
            self._turns.append(link)
        return link, message, payload

    def is_current(self, link: Link) -> bool:
        """Whether the link is still its camera's connection."""
        return self.links.get(link.camera) is link

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        link: Link | None = None
        try:
            link = await self._greet(reader, writer)
            if link is not None:
                await self._listen(link, reader)
        except PeerError as error:
            _log.warning("camera_refused", camera=link.camera if link else "", reason=error.reason, sentence=str(error))
        except (ConnectionError, TimeoutError):
            _log.info("camera_gone", camera=link.camera if link else "")
        finally:
            if link is not None and self.is_current(link):
                del self.links[link.camera]
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Link | None:
        async with asyncio.timeout(_HELLO_SECONDS):
            first = await ipc.read(reader)
        if first is None:
            return None
        hello = parse(*first)
        if not isinstance(hello, Hello):
            raise PeerError("A camera daemon spoke before it said which camera it is.", reason="ipc_order")
        heard = asyncio.get_running_loop().time()
        link = Link(hello.camera, hello.name, hello.labels, writer, heard)
        before = self.links.get(link.camera)
        if before is not None:
            # A camera daemon that was restarted is back before its old connection was seen to end.
            before.writer.transport.abort()
        self.links[link.camera] = link
        await self._on_hello(link)
        link.grant(CREDITS)
        return link

    async def _listen(self, link: Link, reader: asyncio.StreamReader) -> None:
        while (raw := await ipc.read(reader)) is not None:
            message = parse(*raw)
            link.heard = asyncio.get_running_loop().time()
            if isinstance(message, Hello):
                raise PeerError("A camera daemon said twice which camera it is.", reason="ipc_order")
            if isinstance(message, FrameHead):
                if link.credits <= 0:
                    raise PeerError("A camera daemon sent more frames than it may.", reason="ipc_credit")
                link.credits -= 1
                self._queue(link, message, raw[1])
            elif isinstance(message, Idle):
                self._queue_idle(link, message)
            else:
                await self._on_note(link, message)

    def _queue_idle(self, link: Link, message: Idle) -> None:
        # The newest idle says all that the one before it did.
        if link.waiting and isinstance(link.waiting[-1][0], Idle):
            link.waiting[-1] = (message, b"")
        else:
            self._queue(link, message, b"")

    def _queue(self, link: Link, message: Message, payload: bytes) -> None:
        link.waiting.append((message, payload))
        if len(link.waiting) == 1:
            self._turns.append(link)
        self._arrived.set()
