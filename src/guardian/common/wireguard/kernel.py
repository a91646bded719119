"""The back end in the kernel: generic netlink, by pyroute2."""

import base64
import errno
from collections.abc import Iterable
from typing import Any

from pyroute2 import WireGuard
from pyroute2.netlink.exceptions import NetlinkError

from guardian.common.wireguard.device import Look, Peer, Seen, WireGuardError, endpoint_text
from guardian.common.wireguard.keys import SIZE, text

# On what the interface sends on the wire. To the kernel such a packet belongs to whoever sent the one inside it, whom a
# firewall's rules by user would keep from the wire; roles/firewall lets this mark pass. wireguard-go's are its own.
MARK = 0x676E


class KernelDevice:
    """One interface of kind `wireguard`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def set_key(self, private: bytes, port: int) -> None:
        self._set(private_key=text(private), fwmark=MARK, **({"listen_port": port} if port else {}))

    def put(self, peer: Peer) -> None:
        self._set(peer=peer_request(peer))

    def remove(self, public: bytes) -> None:
        self._set(peer={"public_key": text(public), "remove": True})

    def look(self) -> Look:
        with _refusals(), WireGuard() as netlink:
            return read(netlink.info(self._name))

    def _set(self, **values: Any) -> None:
        with _refusals(), WireGuard() as netlink:
            netlink.set(self._name, **values)


def peer_request(peer: Peer) -> dict[str, Any]:
    """A peer in pyroute2's words."""
    request: dict[str, Any] = {
        "public_key": text(peer.public),
        "persistent_keepalive": peer.keepalive,
        "replace_allowed_ips": True,
        "allowed_ips": list(peer.allowed),
    }
    if peer.endpoint is not None:
        request |= {"endpoint_addr": peer.endpoint[0], "endpoint_port": peer.endpoint[1]}
    return request


def read(messages: Iterable[Any]) -> Look:
    """A dump. A long one comes in several messages, and a peer may go on in the next with more networks."""
    public, port, mark = b"", 0, 0
    seen: dict[bytes, Seen] = {}
    for message in messages:
        public = _key(message.get_attr("WGDEVICE_A_PUBLIC_KEY")) or public
        port = message.get_attr("WGDEVICE_A_LISTEN_PORT") or port
        mark = message.get_attr("WGDEVICE_A_FWMARK") or mark
        for item in message.get_attr("WGDEVICE_A_PEERS") or ():
            peer = _peer(item)
            before = seen.get(peer.public)
            if before is not None:
                peer = Seen(
                    peer.public,
                    before.endpoint,
                    before.handshake,
                    before.received,
                    before.sent,
                    before.allowed | peer.allowed,
                )
            seen[peer.public] = peer
    return Look(public, port, seen, mark == MARK)


def _peer(item: Any) -> Seen:
    public = _key(item.get_attr("WGPEER_A_PUBLIC_KEY"))
    if not public:
        raise WireGuardError("The kernel's answer is not understood.", reason="wireguard_driver")
    endpoint, handshake = item.get_attr("WGPEER_A_ENDPOINT"), item.get_attr("WGPEER_A_LAST_HANDSHAKE_TIME")
    return Seen(
        public,
        endpoint_text(endpoint["addr"], endpoint["port"]) if endpoint else "",
        handshake["tv_sec"] + handshake["tv_nsec"] / 1e9 if handshake else 0.0,
        item.get_attr("WGPEER_A_RX_BYTES") or 0,
        item.get_attr("WGPEER_A_TX_BYTES") or 0,
        frozenset(network["addr"] for network in item.get_attr("WGPEER_A_ALLOWEDIPS") or ()),
    )


def _key(value: bytes | None) -> bytes:
    # All zero says: none was set.
    key = base64.b64decode(value or b"")
    return key if len(key) == SIZE and any(key) else b""


class _refusals:  # noqa: N801 (used like a function)
    """Around netlink: what the kernel refuses, as an error of ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, NetlinkError) and error.code in (errno.ENODEV, errno.ENOENT, errno.EOPNOTSUPP):
            raise WireGuardError("The kernel has no such WireGuard interface.", reason="wireguard_away") from error
        if isinstance(error, NetlinkError | OSError):
            raise WireGuardError(f"The kernel refused: {error}.", reason="wireguard_refused") from error
