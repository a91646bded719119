"""What listens here, read from the kernel's own tables: any user may, and nothing is sent."""

import ipaddress
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_PROC = Path("/proc/net")
_LISTEN, _UNCONNECTED = "0A", "07"
Protocol = Literal["tcp", "udp"]


@dataclass(frozen=True)
class Listener:
    """One socket that takes what comes."""

    protocol: Protocol
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int


def listeners(folder: Path = _PROC) -> list[Listener]:
    """TCP sockets that listen and UDP sockets bound to no peer."""
    found = []
    for protocol in ("tcp", "udp"):
        for version in ("", "6"):
            try:
                lines = (folder / f"{protocol}{version}").read_text("ascii").splitlines()[1:]
            except OSError:
                continue
            for line in lines:
                fields = line.split()
                if fields[3] == (_LISTEN if protocol == "tcp" else _UNCONNECTED):
                    address, _, port = fields[1].partition(":")
                    found.append(Listener(protocol, _address(address), int(port, 16)))
    return found


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The kernel prints 32-bit words in the machine's own byte order."""
    words = [int(text[place : place + 8], 16) for place in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return ipaddress.ip_address(packed)


def is_open(found: list[Listener], protocol: Protocol, port: int) -> bool:
    """Does anything listen there, on whichever address?"""
    return any(item.protocol == protocol and item.port == port for item in found)


def reach(host: str, port: int, seconds: float = 1.5) -> str:
    """'' when a TCP connection opens; otherwise why not, for a sentence."""
    try:
        socket.create_connection((host, port), seconds).close()
    except TimeoutError:
        return "no answer: something on the way drops it, or the machine is off"
    except OSError as error:
        return error.strerror or str(error)
    return ""
