"""Taps between the tiers: proxies that write down all they pass on, TLS ended with the demo's own CA keys."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from guardian.common import tls

_PIECE = 256 << 10
Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass
class Capture:
    """What crossed one tap: a file a direction and connection, and byte counts."""

    name: str
    folder: Path
    connections: int = 0
    upward: int = 0
    downward: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class Tap:
    """One listening port that passes on to another and keeps a copy."""

    def __init__(self, name: str, folder: Path, connect: Connect, context: ssl.SSLContext | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.capture = Capture(name, folder)
        self._connect = connect
        self._context = context
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """Listen on loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self._context)

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self.capture.tasks):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.capture.tasks.add(task)
        task.add_done_callback(self.capture.tasks.discard)
        self.capture.connections += 1
        number = self.capture.connections
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.close()
            return
        with contextlib.ExitStack() as files:
            up = files.enter_context((self.capture.folder / f"{number:04d}.up").open("wb"))
            down = files.enter_context((self.capture.folder / f"{number:04d}.down").open("wb"))

            async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, copy: object, way: str) -> None:
                with contextlib.suppress(OSError):
                    while data := await source.read(_PIECE):
                        copy.write(data)  # type: ignore[attr-defined]
                        setattr(self.capture, way, getattr(self.capture, way) + len(data))
                        target.write(data)
                        await target.drain()
                with contextlib.suppress(OSError, RuntimeError):
                    if target.can_write_eof():
                        target.write_eof()
                    else:
                        target.close()

            try:
                await asyncio.gather(pump(reader, far_writer, up, "upward"), pump(far_reader, writer, down, "downward"))
            finally:
                for end in (writer, far_writer):
                    end.close()


def plain(port: int) -> Connect:
    """To a plain port on loopback."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def mutual_tls(authority: tls.Authority, identity: str, port: int, folder: Path) -> tuple[Connect, ssl.SSLContext]:
    """Both halves of a tap in an mTLS connection: a server as the far side, a client as the near side.

    Possible only for whoever holds the CA's key, which is why the check, and nobody else, can do it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ca = folder / "ca.pem"
    ca.write_bytes(tls.cert_pem(authority.certificate))
    server_key, client_key = tls.new_key(), tls.new_key()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    certificates = {
        "server": (server, server_key, authority.issue_server(server_key.public_key(), ["127.0.0.1", "localhost"])),
        "client": (client, client_key, authority.issue_client(client_key.public_key(), identity)),
    }
    for name, (context, key, certificate) in certificates.items():
        pem = folder / f"{name}.pem"
        pem.write_bytes(tls.cert_pem(certificate) + tls.key_pem(key))
        pem.chmod(0o600)
        context.load_cert_chain(pem)
        context.load_verify_locations(ca)
        context.set_alpn_protocols(["h2"])
    server.verify_mode = ssl.CERT_REQUIRED
    return lambda: asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname="127.0.0.1"), server
