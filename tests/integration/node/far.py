"""A line to a node that is far away: all that goes over it arrives later, and is counted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class FarLine:
    """`port` is where an edge dials; `brought` counts the bytes that the node sent and the edge was given."""

    def __init__(self, port: int, seconds: float) -> None:
        self._port, self._seconds = port, seconds
        self._at_work: set[asyncio.Task[None]] = set()
        self.port = 0
        self.brought = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways, until either end closes it."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        ways = [
            asyncio.create_task(self._way(reader, there_writer, counted=False)),
            asyncio.create_task(self._way(there_reader, writer, counted=True)),
        ]
        self._at_work.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, there_writer):
            end.close()

    async def _way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool) -> None:
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def take() -> None:
            while data := await reader.read(64 << 10):
                under_way.put_nowait((loop.time() + self._seconds, data))
            under_way.put_nowait((loop.time(), b""))

        taking = asyncio.create_task(take())
        try:
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(due - loop.time())
                if not data:
                    return
                self.brought += len(data) * counted
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            taking.cancel()

    async def rest(self) -> None:
        """Until nothing has come for a second."""
        before = -1
        while before != self.brought:
            before = self.brought
            await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def far_line(port: int, seconds: float) -> AsyncIterator[FarLine]:
    """A line to a port of this machine on which everything takes `seconds`, each way."""
    line = FarLine(port, seconds)
    async with await asyncio.start_server(line.carry, "127.0.0.1", 0) as server:
        line.port = server.sockets[0].getsockname()[1]
        yield line
        for way in line._at_work:
            way.cancel()
