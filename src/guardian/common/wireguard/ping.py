"""Whether the other end answers through the tunnel, and how fast: ICMP without privilege, else a TCP connection."""

import asyncio
import contextlib
import errno
import secrets
import socket
import struct
import time

_ECHO, _REPLY = 8, 0
_HEAD = struct.Struct("!BBHHH")
# The other end said no: it is there.
_ALIVE = frozenset({0, errno.ECONNREFUSED})


async def ping(address: str, tcp_port: int, timeout: float) -> float | None:
    """Seconds until the answer; None when there was none.

    Args:
        tcp_port: dialled where this daemon's group may send no ICMP (`net.ipv4.ping_group_range`).
    """
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout):
            answered = await _icmp(address)
            if answered is None:
                began = time.monotonic()
                answered = await _tcp(address, tcp_port)
    except TimeoutError:
        return None
    return time.monotonic() - began if answered else None


async def _icmp(address: str) -> bool | None:
    """None where it is not allowed."""
    try:
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    except PermissionError:
        return None
    loop, mark = asyncio.get_running_loop(), secrets.token_bytes(16)
    with contextlib.closing(line):
        line.setblocking(False)
        try:
            # Connecting a datagram socket waits for nobody; asyncio's own way refuses the protocol.
            line.connect((address, 0))
            # The kernel puts in identifier and checksum.
            await loop.sock_sendall(line, _HEAD.pack(_ECHO, 0, 0, 0, 1) + mark)
            while True:
                answer = await loop.sock_recv(line, 256)
                if answer[:1] == bytes([_REPLY]) and answer[_HEAD.size :] == mark:
                    return True
        except OSError:
            # No peer, no key, no route: as good as no answer.
            return False


async def _tcp(address: str, port: int) -> bool:
    line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with contextlib.closing(line):
        line.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(line, (address, port))
        except TimeoutError:
            # The kernel's own: ours is a cancellation.
            return False
        except OSError as error:
            return error.errno in _ALIVE
        return True
