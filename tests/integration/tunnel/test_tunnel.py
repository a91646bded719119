"""Enrolled over the wire, an edge reaches its node's gateway through WireGuard, and nothing else of it."""

from pathlib import Path

from tests.integration.node.kit import Household
from tests.integration.tunnel.place import GATEWAY, HUB, Place
from tests.integration.tunnel.wires import Host, peers_of, until

from guardian.contracts.node.v1 import node_pb2
from guardian.edge import identity


def is_open(host: Host, address: str, port: int) -> bool:
    """Whether a TCP port takes this host's connection."""
    code = f"import socket; socket.create_connection(({address!r}, {port}), 2)"
    return host.run("python3", "-c", code, check=False).returncode == 0


async def test_an_edge_enrols_and_its_events_pass_through_the_tunnel_alone(place: Place):
    edge, household = place.edge, Household()
    who = identity.load(edge.folder / "state")
    assert who.gateway == GATEWAY
    # Before the daemon starts: its outbox is there.
    first = place.emit(household.id)
    await place.start_uplink()
    await until(lambda: _has(place, first))
    # The gateway is at the hub's address and nowhere else; what strangers need is open to them.
    assert is_open(edge, HUB, 7443)
    assert not is_open(edge, place.node.address, 7443)
    assert is_open(edge, place.node.address, 7444)


async def _has(place: Place, event: str) -> bool:
    return event in await place.stored()


async def test_both_ends_say_how_it_is(place: Place):
    health = await place.edge.health("tunnel")
    assert health["status"].startswith("connected to hub.test, ")
    assert health["status"].endswith(" s ago")
    assert health["dependencies"]["interface"]["state"] == "ok"

    async def seen() -> node_pb2.TunnelInfo | None:
        (edge,) = await place.listed()
        return edge.tunnel if edge.tunnel.connected and edge.tunnel.latency_ms and edge.tunnel.endpoint else None

    info = await until(seen)
    assert info.address == place.tunnel_file()["address"] == "10.99.0.2"
    assert info.endpoint.startswith(f"{place.edge.address}:")
    assert info.HasField("last_handshake")
    assert info.received_bytes and info.sent_bytes
    assert (await place.node.health("hub"))["status"] == "1 of 1 edges connected, UDP port 51820"


async def test_an_edge_sees_the_gateway_and_no_other_edge(place: Place):
    other = await place.edge_up("o", 11)
    assert place.tunnel_file("o")["address"] == "10.99.0.3"
    await until(lambda: place.edge.is_reached(HUB))
    await until(lambda: other.is_reached(HUB))
    assert not place.edge.is_reached("10.99.0.3")
    assert not other.is_reached("10.99.0.2")
    # Not by a route of its own making either: the hub takes from a peer nothing but its own address.
    other.run("ip", "route", "add", "10.99.0.2/32", "dev", other.interface)
    assert not other.is_reached("10.99.0.2")


async def test_the_keys_are_made_on_their_machines_and_lie_where_they_belong(place: Place):
    state, hub = place.edge.folder / "state" / "identity", place.node.folder / "state" / "hub"
    assert (state / "wireguard.key").stat().st_size == (hub / "wireguard.key").stat().st_size == 32
    assert (hub / "wireguard.key").stat().st_mode & 0o077 == 0
    for path in Path(place.node.folder).rglob("*"):
        if path.is_file() and not path.is_socket():
            assert (state / "wireguard.key").read_bytes() not in path.read_bytes(), path
    assert len(peers_of(place.node)) == len(peers_of(place.edge)) == 1
