"""Which networks the host's other interfaces hold. Asked by ioctl: enrolment may open no netlink socket."""

import array
import fcntl
import socket
import struct
from ipaddress import IPv4Interface, IPv4Network

from guardian.common.wireguard.device import WireGuardError

_SIOCGIFCONF, _SIOCGIFNETMASK = 0x8912, 0x891B
# struct ifreq: a name and a union, which is as long as a pointer and two.
_SIZE, _NAME = struct.calcsize("16sP16x") if struct.calcsize("P") == 8 else 32, 16
_MOST = 1024


def refuse_overlap(network: str, ours: str) -> None:
    """WireGuardError `tunnel_overlap` when an interface other than `ours` holds a part of the tunnel's network."""
    for name, held in held_networks():
        if name != ours and held.overlaps(IPv4Network(network)):
            raise WireGuardError(
                f"The tunnel's network {network} is in use here: {name} holds {held}.",
                reason="tunnel_overlap",
                hint="Give that interface another network, or the node another tunnel network (tunnel.network here).",
            )


def held_networks() -> list[tuple[str, IPv4Network]]:
    """By interface, each IPv4 address with its mask."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as asking:
        room = array.array("B", bytes(_SIZE * _MOST))
        where, length = room.buffer_info()
        said = fcntl.ioctl(asking, _SIOCGIFCONF, struct.pack("iP", length, where))
        (used,) = struct.unpack_from("i", said)
        for at in range(0, used, _SIZE):
            request = room[at : at + _SIZE].tobytes()
            # With the address in it, of several on one interface the one that is meant is asked for.
            mask = fcntl.ioctl(asking, _SIOCGIFNETMASK, request)
            name = request[:_NAME].split(b"\0", 1)[0].decode().partition(":")[0]
            address, bits = (socket.inet_ntoa(raw[_NAME + 4 : _NAME + 8]) for raw in (request, mask))
            found.append((name, IPv4Interface(f"{address}/{bits}").network))
    return found
