"""The registry of tunnel addresses, who may use the tunnel now, and what the hub says of each."""

import datetime as dt
from dataclasses import dataclass
from ipaddress import IPv4Network

import sqlalchemy as sa

from guardian.common.clock import now
from guardian.common.errors import ConfigError
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2
from guardian.node.config import NodeConfig
from guardian.node.gateway.edges import Edges, EnrolmentError
from guardian.node.gateway.store import Store

KEY_SIZE = 32
# What the hub said of an edge counts this long.
_FRESH = dt.timedelta(seconds=45)
_PUT_HUB = """
    INSERT INTO hub (only, public, network) VALUES (1, ?, ?)
    ON CONFLICT (only) DO UPDATE SET public = excluded.public, network = excluded.network"""


@dataclass(frozen=True)
class Tunnel:
    """An edge's end."""

    edge_id: str
    public: bytes
    address: str


class Tunnels:
    """Rows in memory; addresses rise and are never given twice, not even after an edge was revoked."""

    def __init__(self, store: Store, edges: Edges, settings: NodeConfig) -> None:
        self._store = store
        self._edges = edges
        self._hub = settings.hub
        self._renewal_address = settings.gateway.renew_listen or ""
        self._tunnels: dict[str, Tunnel] = {}
        self._reports: dict[str, tuple[dt.datetime, node_pb2.TunnelInfo]] = {}
        self._public, self._network = b"", ""

    @property
    def enabled(self) -> bool:
        """Whether edges of this node have tunnels."""
        return self._hub.enabled

    async def load(self) -> None:
        """Read the rows once, at start; ConfigError when the network is another than addresses were given from."""

        def work(connection: sa.Connection) -> tuple[list[Tunnel], tuple[bytes, str] | None]:
            rows = connection.exec_driver_sql("SELECT edge_id, public, address FROM tunnels").all()
            hub = connection.exec_driver_sql("SELECT public, network FROM hub").one_or_none()
            return [Tunnel(*row) for row in rows], (hub[0], hub[1]) if hub else None

        tunnels, hub = await self._store.read(work)
        self._tunnels = {item.edge_id: item for item in tunnels}
        if hub is None:
            return
        self._public, self._network = hub
        if self.enabled and tunnels and self._network != self._hub.network:
            raise ConfigError(
                f"hub.network is {self._hub.network}, but this node's edges have addresses of {self._network}.",
                reason="config_hub_network",
                hint="Write the old network again; another one needs every edge to be enrolled again.",
            )

    async def know_hub(self, public: bytes) -> None:
        """The hub says its key; edges that enrol from now on are told it."""
        if (public, self._hub.network) == (self._public, self._network):
            return

        def work(connection: sa.Connection) -> None:
            connection.exec_driver_sql(_PUT_HUB, (public, self._hub.network))

        await self._store.writer.run(work)
        self._public, self._network = public, self._hub.network

    def require_hub(self) -> None:
        """EnrolmentError `hub_away` before a token is spent on an edge that could not be told where to go."""
        if self.enabled and not self._public:
            raise EnrolmentError(
                "This node's hub has not said its key yet; it is tried again.",
                reason="hub_away",
                hint="Look at guardian-hub on the node.",
            )

    def give(self, connection: sa.Connection, edge_id: str, public: bytes) -> Tunnel:
        """The next address, in the transaction that registers the edge; one that comes again has what it had."""
        given = connection.exec_driver_sql(
            "SELECT edge_id, public, address FROM tunnels WHERE edge_id = ?", (edge_id,)
        ).first()
        if given is not None and given[1] == public:
            return Tunnel(*given)
        if given is not None:
            raise EnrolmentError("This token was used already, with another WireGuard key.", reason="token_spent")
        if len(public) != KEY_SIZE:
            raise EnrolmentError(
                "This node's edges come through a tunnel, and this one showed no WireGuard key.",
                reason="enrol_malformed",
                hint="Bring the edge to this node's release.",
            )
        if connection.exec_driver_sql("SELECT 1 FROM tunnels WHERE public = ?", (public,)).first():
            raise EnrolmentError(
                "An edge with this WireGuard key is registered already.",
                reason="edge_known",
                hint="Each enrolment makes fresh keys; begin again with a new token.",
            )
        # sqlite_sequence remembers the highest number even when rows are gone.
        last = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'tunnels'").scalar() or 1
        network, number = IPv4Network(self._hub.network), int(last) + 1
        if number >= network.num_addresses - 1:
            raise EnrolmentError(
                f"All addresses of {network} have been given, and none is given twice.",
                reason="addresses_exhausted",
                hint="A larger hub.network needs every edge to be enrolled again.",
            )
        tunnel = Tunnel(edge_id, public, str(network[number]))
        connection.exec_driver_sql(
            "INSERT INTO tunnels (number, edge_id, public, address) VALUES (?, ?, ?, ?)",
            (number, edge_id, public, tunnel.address),
        )
        return tunnel

    def keep(self, tunnel: Tunnel) -> edge_pb2.TunnelSettings:
        """The transaction is durable: the edge may come; what it is told."""
        self._tunnels[tunnel.edge_id] = tunnel
        self._edges.bell.ring()
        return edge_pb2.TunnelSettings(
            hub_public=self._public,
            endpoint=self._hub.endpoint or "",
            edge_address=tunnel.address,
            hub_address=self._hub.address,
            mtu=self._hub.mtu,
            renewal_address=self._renewal_address,
        )

    def peers(self) -> list[Tunnel]:
        """Who may use the tunnel now."""
        found = []
        for tunnel in self._tunnels.values():
            edge = self._edges.get(tunnel.edge_id)
            if edge is not None and edge.revoked_at is None:
                found.append(tunnel)
        return found

    def report(self, reports: list[node_pb2.PeerReport]) -> None:
        """What the hub saw; of edges it cannot know of nothing is kept."""
        moment = now()
        for item in reports:
            if item.edge_id in self._tunnels:
                self._reports[item.edge_id] = moment, item.info

    def info(self, edge_id: str) -> node_pb2.TunnelInfo | None:
        """An edge's end as seen last; an old report no longer says that it is connected."""
        tunnel = self._tunnels.get(edge_id)
        if tunnel is None:
            return None
        moment, seen = self._reports.get(edge_id, (None, None))
        info = node_pb2.TunnelInfo()
        if seen is not None and moment is not None:
            info.CopyFrom(seen)
            info.connected = seen.connected and now() - moment < _FRESH
        info.address = tunnel.address
        return info

    def connected(self) -> int:
        """How many edges the hub sees."""
        infos = (self.info(tunnel.edge_id) for tunnel in self.peers())
        return sum(1 for info in infos if info is not None and info.connected)
