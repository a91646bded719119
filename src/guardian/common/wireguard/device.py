"""One WireGuard interface as its owner sees it, whichever program moves the packets."""

from dataclasses import dataclass
from typing import Protocol

from guardian.common.errors import GuardianError


class WireGuardError(GuardianError):
    """The interface or its driver does not do as it should; `reason` says which."""


@dataclass(frozen=True)
class Peer:
    """What a peer is told to be. `allowed` are networks, `endpoint` an address (no name) and a port."""

    public: bytes
    allowed: tuple[str, ...]
    endpoint: tuple[str, int] | None = None
    keepalive: int = 0


@dataclass(frozen=True)
class Seen:
    """What a peer is seen to be. `handshake` is Unix time, 0 for never."""

    public: bytes
    endpoint: str = ""
    handshake: float = 0.0
    received: int = 0
    sent: int = 0
    allowed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Look:
    """An interface as it is: this end's public key (empty: none was set), its UDP port, all peers by public key.

    `is_marked`: the packets it sends on the wire can be told from those that it carries.
    """

    public: bytes
    port: int
    peers: dict[bytes, Seen]
    is_marked: bool = True


class Device(Protocol):
    """Kernel and userspace alike. All calls are short and block; WireGuardError when the driver refuses or is away."""

    def set_key(self, private: bytes, port: int) -> None:
        """This end's key and UDP port; 0 leaves the port to the system."""

    def put(self, peer: Peer) -> None:
        """Add a peer or change it; its session goes on."""

    def remove(self, public: bytes) -> None:
        """Forget a peer, its session and what handshakes it made; nothing happens when it is not there."""

    def look(self) -> Look:
        """The interface as it is now."""


def endpoint_text(address: str, port: int) -> str:
    """`address:port`, brackets around IPv6."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
