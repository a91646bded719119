"""A camera daemon's end of the analyzer's socket."""

import asyncio
from pathlib import Path
from typing import Any, Self

from guardian.common import ipc
from guardian.edge.detectors.base import Frame


class CameraEnd:
    """Speaks the protocol: waits for credit before each frame, collects what the analyzer asks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.asked: list[float] = []
        self._credit = asyncio.Semaphore(0)
        self._task = asyncio.create_task(self._listen())
        self._seq = 0

    @classmethod
    async def dial(cls, socket: Path, camera: str = "front", **hello: Any) -> Self:
        """Connect and greet."""
        end = cls(*await asyncio.open_unix_connection(str(socket)))
        await end.send({"type": "hello", "camera": camera, "name": camera.title(), "labels": [], **hello})
        return end

    async def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        """One message."""
        self.writer.writelines(ipc.pack(header, payload))
        await self.writer.drain()

    async def frame(self, time: float, frame: Frame, *, motion: bool = True) -> None:
        """A frame, once there is credit for it."""
        await self._credit.acquire()
        self._seq += 1
        head = {"type": "frame", "seq": self._seq, "time": time, "motion": motion}
        await self.send({**head, "width": frame.shape[1], "height": frame.shape[0]}, frame.tobytes())

    async def clip(self, object_id: str, start: float, end: float | None, *, closed: bool = False) -> None:
        """What a recorder says of a clip."""
        await self.send(
            {"type": "clip", "id": object_id, "start": start, "end": end, "closed": closed, "truncated": False}
        )

    async def settled(self) -> None:
        """All frames sent so far were looked at: every credit is back."""
        for _ in range(2):
            await self._credit.acquire()
        for _ in range(2):
            self._credit.release()

    async def closed(self) -> None:
        """Until the analyzer has hung up."""
        await self._task

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        await self._task

    async def _listen(self) -> None:
        try:
            while (message := await ipc.read(self.reader)) is not None:
                header, _ = message
                if header["type"] == "credit":
                    for _ in range(header["frames"]):
                        self._credit.release()
                elif header["type"] == "record":
                    self.asked.append(header["until"])
        except ConnectionError:
            return
        finally:
            self.writer.close()
