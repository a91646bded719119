"""To the analyzer: dials, says hello, sends what it is given credit for, hears what to record."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from guardian.common import ipc, log
from guardian.common.errors import PeerError
from guardian.common.retry import Backoff
from guardian.edge.camera.index import Clip, Motion

_log = log.get(__name__)
# An analyzer that grants nothing for so long counts as away: motion is recorded without it.
_SILENCE = 5.0
_MAX_QUEUED = 2000
_MAX_CREDIT = 16
Send = Callable[[dict[str, Any]], Awaitable[None]]


def clip_message(clip: Clip) -> dict[str, Any]:
    """What the analyzer is told of a clip."""
    begun = clip.end > clip.start or clip.state != "open"
    return {
        "type": "clip",
        "id": clip.object_id,
        "start": clip.start,
        "end": max(clip.start, clip.end) if begun else None,
        "closed": clip.state != "open",
        "truncated": clip.state in {"truncated", "failed"},
    }


class AnalyzerLink:
    """`run` keeps the connection; `room` and `attending` may be asked from any thread, the rest belongs to the loop."""

    def __init__(
        self,
        socket: Path,
        hello: Callable[[], dict[str, Any]],
        *,
        greeting: Callable[[Send], Awaitable[None]],
        record: Callable[[float], None],
        event: Callable[[str, float], None] | None = None,
    ) -> None:
        self._socket = socket
        self._hello, self._greeting, self._record, self._event = hello, greeting, record, event
        self._outbox: asyncio.Queue[tuple[dict[str, Any], bytes]] = asyncio.Queue(_MAX_QUEUED)
        self._lock = threading.Lock()
        self._credit = 0
        self._heard = float("-inf")
        self.connected = False
        self._sequence = 0
        self.frames = 0

    def room(self) -> bool:
        """Whether one more frame may be sent; takes the credit for it."""
        with self._lock:
            if not self.connected or self._credit <= 0:
                return False
            self._credit -= 1
            return True

    @property
    def attending(self) -> bool:
        """Whether the analyzer is there and looks at frames."""
        with self._lock:
            return self.connected and (self._credit > 0 or time.monotonic() - self._heard < _SILENCE)

    def frame(self, moment: float, width: int, height: int, motion: bool, picture: bytes) -> None:
        """Send a frame `room` was granted for."""
        self._sequence += 1
        self.frames += 1
        head = {"type": "frame", "seq": self._sequence, "time": moment, "width": width, "height": height}
        self._put({**head, "motion": motion}, picture)

    def idle(self, moment: float) -> None:
        """Nothing moves."""
        self._put({"type": "idle", "time": moment})

    def clip(self, clip: Clip) -> None:
        """A clip began, grew or ended."""
        self._put(clip_message(clip))

    def motions(self, motions: list[Motion]) -> None:
        """Motion the analyzer did not see."""
        for motion in motions:
            self._put(motion_message(motion))

    async def run(self, stopping: asyncio.Event) -> None:
        """Dial and redial until stopped."""
        backoff = Backoff(initial=0.2, maximum=5)
        while not stopping.is_set():
            try:
                reader, writer = await asyncio.open_unix_connection(str(self._socket), limit=1 << 20)
            except OSError:
                await backoff.wait(stopping)
                continue
            try:
                await self._talk(reader, writer, backoff)
            except (PeerError, OSError) as error:
                reason = error.reason if isinstance(error, PeerError) else "analyzer_gone"
                _log.warning("analyzer_lost", reason=reason)
            finally:
                self._disconnect()
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
            await backoff.wait(stopping)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, backoff: Backoff) -> None:
        await _write(writer, self._hello())
        await self._greeting(lambda message: _write(writer, message))
        with self._lock:
            self.connected, self._heard = True, time.monotonic()
        _log.info("analyzer_connected")
        sending = asyncio.create_task(self._send(writer))
        listening = asyncio.create_task(self._listen(reader, backoff))
        try:
            done, _ = await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (sending, listening):
                task.cancel()
            await asyncio.gather(sending, listening, return_exceptions=True)

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        while True:
            header, payload = await self._outbox.get()
            await _write(writer, header, payload)

    async def _listen(self, reader: asyncio.StreamReader, backoff: Backoff) -> None:
        while (message := await ipc.read(reader)) is not None:
            header, _ = message
            backoff.reset()
            if header["type"] == "credit" and isinstance(header.get("frames"), int):
                with self._lock:
                    self._credit = max(0, min(_MAX_CREDIT, self._credit + header["frames"]))
                    self._heard = time.monotonic()
            elif header["type"] == "record" and isinstance(header.get("until"), int | float):
                with self._lock:
                    self._heard = time.monotonic()
                self._record(float(header["until"]))
            elif header["type"] == "event" and isinstance(header.get("start"), int | float):
                if self._event is not None:
                    self._event(str(header.get("label"))[:64], float(header["start"]))
            else:
                raise PeerError("The analyzer sent a message this camera does not know.", reason="ipc_malformed")

    def _put(self, header: dict[str, Any], payload: bytes = b"") -> None:
        if not self.connected:
            return
        try:
            self._outbox.put_nowait((header, payload))
        except asyncio.QueueFull:
            # It does not read any more. After the next hello it is told of all clips again.
            self._disconnect()

    def _disconnect(self) -> None:
        with self._lock:
            self.connected, self._credit = False, 0
        while not self._outbox.empty():
            self._outbox.get_nowait()


def motion_message(motion: Motion) -> dict[str, Any]:
    """What the analyzer is told of motion it did not see."""
    return {"type": "motion", "start": motion.start, "end": max(motion.start, motion.end)}


async def _write(writer: asyncio.StreamWriter, header: dict[str, Any], payload: bytes = b"") -> None:
    for part in ipc.pack(header, payload):
        writer.write(part)
    await writer.drain()
