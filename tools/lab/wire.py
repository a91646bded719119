"""What crosses the line between the home and the internet: captured by tcpdump, read here, packet by packet."""

import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.lab.places import BUILD, Refused, name, run

MAGIC = 0xA1B2C3D4
ETHERNET = 1
# Content is padded to 16 bytes, but not beyond the MTU.
FULL = 32 + 1420
# Each packet is written at once: whoever reads a running capture misses nothing.
TCPDUMP = ["tcpdump", "-i", "wan", "-U", "-n", "-s", "0", "-Z", "root", "--immediate-mode"]


@dataclass(frozen=True)
class Packet:
    """`kind`: arp, ip6 (the link's own), or udp, tcp, icmp, other, with addresses; ports are 0 where there are none."""

    kind: str
    source: str = ""
    source_port: int = 0
    target: str = ""
    target_port: int = 0
    payload: bytes = b""

    @property
    def is_wireguard(self) -> bool:
        """One of the protocol's four messages, by type, zeros and length (wireguard.com/protocol)."""
        data = self.payload
        if self.kind != "udp" or len(data) < 4 or data[1:4] != b"\0\0\0":
            return False
        return {1: len(data) == 148, 2: len(data) == 92, 3: len(data) == 64}.get(
            data[0], data[0] == 4 and len(data) >= 32 and (len(data) % 16 == 0 or len(data) == FULL)
        )


def capture() -> Path:
    """Where the packets of this lab go; kept after its end."""
    return BUILD / "captures" / f"{name()}.pcap"


def start() -> None:
    """Begin a new capture, whole packets; it ends with `stop` or with the lab."""
    stop()
    capture().parent.mkdir(parents=True, exist_ok=True)
    capture().unlink(missing_ok=True)
    with (run() / "capture.log").open("wb") as log:
        process = subprocess.Popen(
            ["ip", "netns", "exec", "home", *TCPDUMP, "-w", str(capture())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    for _ in range(100):
        if "listening on" in (run() / "capture.log").read_text(errors="replace"):
            (run() / "capture.pid").write_text(str(process.pid), encoding="ascii")
            return
        time.sleep(0.05)
    raise Refused(f"tcpdump does not start: {(run() / 'capture.log').read_text(errors='replace')}")


def stop() -> None:
    """End the capture; harmless when there is none."""
    file = run() / "capture.pid"
    try:
        number = int(file.read_text(encoding="ascii"))
        os.kill(number, signal.SIGTERM)
        for _ in range(100):
            if not Path(f"/proc/{number}").exists():
                break
            time.sleep(0.02)
    except (OSError, ValueError):
        return
    finally:
        file.unlink(missing_ok=True)


def read(file: Path) -> list[Packet]:
    """All packets; an unfinished last one is left out. Raises Refused when the file is no Ethernet capture."""
    data = file.read_bytes()
    if (
        len(data) < 24
        or struct.unpack_from("<I", data)[0] != MAGIC
        or struct.unpack_from("<I", data, 20)[0] != ETHERNET
    ):
        raise Refused(f"{file} is no capture of an Ethernet line.")
    return [parse(frame) for frame in _frames(data)]


def parse(frame: bytes) -> Packet:
    """One Ethernet frame."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == 0x0806:
        return Packet("arp")
    if kind == 0x86DD:
        return Packet("ip6", *_address6(frame[22:38]), *_address6(frame[38:54]))
    if kind != 0x0800:
        return Packet(f"ethertype {kind:#06x}")
    return _parse4(frame[14:])


def quoted(packet: Packet) -> Packet | None:
    """What an ICMP error says could not be delivered (RFC 792: destination unreachable); None for any other packet."""
    return _parse4(packet.payload[8:]) if packet.kind == "icmp" and packet.payload[:1] == b"\x03" else None


def _parse4(packet: bytes) -> Packet:
    source, target = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
    body = packet[(packet[0] & 15) * 4 : int.from_bytes(packet[2:4], "big")]
    if int.from_bytes(packet[6:8], "big") & 0x1FFF:
        return Packet("fragment", source, 0, target, 0)
    protocol = packet[9]
    if protocol == 1:
        return Packet("icmp", source, 0, target, 0, body)
    if protocol not in {6, 17}:
        return Packet(f"protocol {protocol}", source, 0, target, 0)
    ports = struct.unpack_from(">HH", body)
    payload = body[8:] if protocol == 17 else body[(body[12] >> 4) * 4 :]
    return Packet("udp" if protocol == 17 else "tcp", source, ports[0], target, ports[1], payload)


def _frames(data: bytes) -> Iterator[bytes]:
    position = 24
    while position + 16 <= len(data):
        length = struct.unpack_from("<I", data, position + 8)[0]
        if position + 16 + length > len(data):
            return
        yield data[position + 16 : position + 16 + length]
        position += 16 + length


def _address6(raw: bytes) -> tuple[str, int]:
    return socket.inet_ntop(socket.AF_INET6, raw), 0
