"""Keeps one interface as it is wanted, whatever was done to it: made, keyed, shaped, with exactly these peers."""

from collections.abc import Sequence

from guardian.common.wireguard import link
from guardian.common.wireguard.device import Device, Look, Peer
from guardian.common.wireguard.kernel import KernelDevice
from guardian.common.wireguard.keys import public_of
from guardian.common.wireguard.link import Shape
from guardian.common.wireguard.names import Driver
from guardian.common.wireguard.probe import kernel_has_wireguard
from guardian.common.wireguard.userspace import UserspaceDevice


class TunnelInterface:
    """Calls block for moments: from a daemon's loop they belong into a thread.

    Nothing is taken down at the end: a daemon that is only restarted (an upgrade) must not end its peers' sessions.
    """

    def __init__(self, name: str, driver: Driver, private: bytes, port: int = 0) -> None:
        self.name = name
        self.public = public_of(private)
        self.in_kernel = driver == "kernel" or (driver == "auto" and kernel_has_wireguard())
        self.device: Device = KernelDevice(name) if self.in_kernel else UserspaceDevice(name)
        self._private = private
        self._port = port

    def hold(self, shape: Shape, peers: Sequence[Peer]) -> Look:
        """Bring it to this, changing only what differs, and say how it is; WireGuardError when that cannot be."""
        if self.in_kernel:
            link.create(self.name)
        look = self.device.look()
        before = look
        if look.public != self.public or (self._port and look.port != self._port):
            self.device.set_key(self._private, self._port)
            # Sessions under another key are worth nothing, and a peer may have changed with it.
            look = Look(self.public, self._port, {})
        elif not look.is_marked:
            self.device.set_key(self._private, self._port)
        wanted = {peer.public: peer for peer in peers}
        for public in before.peers.keys() - wanted.keys():
            self.device.remove(public)
        for public, peer in wanted.items():
            there = look.peers.get(public)
            if there is None or there.allowed != frozenset(peer.allowed):
                self.device.put(peer)
        link.shape(self.name, shape)
        return self.device.look()

    def renew(self, peer: Peer) -> None:
        """Forget a peer's session and handshakes and take it up again."""
        self.device.remove(peer.public)
        self.device.put(peer)
