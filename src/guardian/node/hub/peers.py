"""Which edges may use the tunnel: as the gateway said last, kept on the disk for a start without it."""

import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from guardian.common.errors import PeerError, StoreError
from guardian.common.files import private_folder, write_atomic
from guardian.common.ids import parse_hex_id
from guardian.common.wireguard.device import Peer
from guardian.common.wireguard.keys import SIZE

_FILE = "peers.json"
_MAX_BYTES = 32 << 20


@dataclass(frozen=True)
class EdgePeer:
    """An edge's end of the tunnel; `address` without prefix."""

    edge_id: str
    public: bytes
    address: str

    @property
    def peer(self) -> Peer:
        """As WireGuard is told: this address and no other. Its endpoint is wherever it comes from."""
        return Peer(self.public, (f"{self.address}/32",))


def check(edge_id: str, public: bytes, address: str, network: IPv4Network) -> EdgePeer:
    """ValueError unless it can be an edge of this network: what is not must not become a route."""
    parse_hex_id(edge_id)
    place = IPv4Address(address)
    if len(public) != SIZE or place not in network or place in (network[0], network[1], network[-1]):
        raise ValueError("peer")
    return EdgePeer(edge_id, public, str(place))


def checked(items: list[tuple[str, bytes, str]], network: IPv4Network) -> list[EdgePeer]:
    """A whole list; PeerError when one is absurd or two share key or address."""
    try:
        peers = [check(*item, network) for item in items]
        for kind in ("edge_id", "public", "address"):
            if len({getattr(peer, kind) for peer in peers}) != len(peers):
                raise ValueError("twice")
    except ValueError as error:
        raise PeerError("The gateway's list of peers is not of the allowed form.", reason="peers_malformed") from error
    return peers


class PeerFile:
    """`STATE/hub/peers.json`."""

    def __init__(self, folder: Path, network: IPv4Network) -> None:
        self._path = private_folder(folder, mode=0o750) / _FILE
        self._network = network

    def load(self) -> list[EdgePeer]:
        """The list as it was; empty before the first. StoreError when it is damaged."""
        try:
            raw = self._path.read_bytes()
            if len(raw) > _MAX_BYTES:
                raise ValueError("size")
            items = [
                (item["edge"], bytes.fromhex(item["public"]), item["address"]) for item in json.loads(raw)["peers"]
            ]
            return checked(items, self._network)
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, PeerError) as error:
            raise StoreError(
                f"{self._path} is damaged; the list is taken from the gateway.", reason="peers_damaged"
            ) from error

    def save(self, peers: list[EdgePeer]) -> None:
        """Replace it, durably."""
        rows = [{"edge": item.edge_id, "public": item.public.hex(), "address": item.address} for item in peers]
        write_atomic(self._path, json.dumps({"peers": rows}).encode(), mode=0o640)
