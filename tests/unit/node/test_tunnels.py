"""The registry of addresses: none twice, none left, none of another network; and what a hub believes of peers."""

import secrets
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from guardian.common.clock import now
from guardian.common.config import parse
from guardian.common.errors import ConfigError, PeerError, StoreError
from guardian.node.config import NodeConfig
from guardian.node.gateway.edges import Edge, Edges, EnrolmentError
from guardian.node.gateway.store import Store
from guardian.node.gateway.tunnels import Tunnel, Tunnels
from guardian.node.hub.peers import PeerFile, checked

NETWORK = IPv4Network("10.99.0.0/29")


def settings(network: str = str(NETWORK)) -> NodeConfig:
    hub = {"enabled": True, "network": network, "endpoint": "node.test:51820"}
    return parse(NodeConfig, {"hub": hub}, source="test")


class Registry:
    """A gateway's store without its doors."""

    def __init__(self, folder: Path, network: str = str(NETWORK)) -> None:
        self.store = Store(folder)
        self.edges = Edges(self.store)
        self.tunnels = Tunnels(self.store, self.edges, settings(network))

    async def load(self) -> "Registry":
        await self.edges.load()
        await self.tunnels.load()
        return self

    async def enrol(self, key: bytes | None = None) -> Tunnel:
        secret = secrets.token_urlsafe(32)
        await self.edges.create_token(secret, "edge", now().replace(year=2100))
        edge = Edge(secrets.token_hex(16), "edge", secrets.token_bytes(32), secrets.token_bytes(1216), now())
        self.secret = secret

        give = partial(self.tunnels.give, public=key or secrets.token_bytes(32))
        _, tunnel = await self.edges.register(secret, edge, b"key", give)
        self.tunnels.keep(tunnel)
        return tunnel


async def test_addresses_rise_and_one_that_was_let_go_is_never_given_again(tmp_path: Path):
    registry = await Registry(tmp_path).load()
    first, second = await registry.enrol(), await registry.enrol()
    assert (first.address, second.address) == ("10.99.0.2", "10.99.0.3")
    await registry.edges.revoke(second.edge_id)
    assert (await registry.enrol()).address == "10.99.0.4"
    assert [item.address for item in registry.tunnels.peers()] == ["10.99.0.2", "10.99.0.4"]
    registry.store.close()
    again = await Registry(tmp_path).load()
    assert (await again.enrol()).address == "10.99.0.5"
    again.store.close()


async def test_when_all_are_given_the_token_is_not_spent(tmp_path: Path):
    registry = await Registry(tmp_path).load()
    given = [(await registry.enrol()).address for _ in range(5)]
    assert given == [f"10.99.0.{number}" for number in range(2, 7)]
    with pytest.raises(EnrolmentError) as caught:
        await registry.enrol()
    assert caught.value.reason == "addresses_exhausted"
    assert await registry.edges.check_token(registry.secret) == "edge"
    assert len(registry.edges.all()) == 5
    registry.store.close()


async def test_a_key_is_one_edges_and_is_a_key(tmp_path: Path):
    registry = await Registry(tmp_path).load()
    key = secrets.token_bytes(32)
    await registry.enrol(key)
    for bad, reason in ((key, "edge_known"), (key[:31], "enrol_malformed"), (b"x", "enrol_malformed")):
        with pytest.raises(EnrolmentError) as caught:
            await registry.enrol(bad)
        assert caught.value.reason == reason
    registry.store.close()


async def test_another_network_is_refused_once_addresses_are_given(tmp_path: Path):
    registry = await Registry(tmp_path).load()
    with pytest.raises(EnrolmentError) as caught:
        registry.tunnels.require_hub()
    assert caught.value.reason == "hub_away"
    await registry.tunnels.know_hub(bytes(range(32)))
    registry.tunnels.require_hub()
    await registry.enrol()
    registry.store.close()
    other = Registry(tmp_path, "10.98.0.0/16")
    with pytest.raises(ConfigError) as refused:
        await other.load()
    assert refused.value.reason == "config_hub_network"
    other.store.close()


@pytest.mark.parametrize(
    "raw",
    [
        {"hub": {"enabled": True}},
        {"hub": {"enabled": True, "endpoint": "n:1", "network": "8.8.8.0/24"}},
        {"hub": {"enabled": True, "endpoint": "n:1", "network": "10.0.0.0/30"}},
        {"hub": {"enabled": True, "endpoint": "n:1", "network": "10.86.0.7/16"}},
        {"hub": {"enabled": True, "endpoint": "n:1", "interface": "../x"}},
        {"hub": {"enabled": True, "endpoint": "n:1"}, "gateway": {"listen": "0.0.0.0:7443"}},
        {"hub": {"enabled": True, "endpoint": "n:1"}, "gateway": {"advertise": "node.test:7443"}},
        {"hub": {"enabled": True, "endpoint": "n:1"}, "gateway": {"renew_listen": "0.0.0.0:7445"}},
    ],
)
def test_a_hub_that_would_let_mtls_out_of_the_tunnel_is_refused(raw: dict[str, object]):
    with pytest.raises(ConfigError):
        parse(NodeConfig, raw, source="test")


def test_with_a_hub_all_addresses_are_its_own_unless_said():
    section = settings("10.86.0.0/16").gateway
    assert (section.listen, section.advertise, section.renew_listen) == (
        "10.86.0.1:7443",
        "10.86.0.1:7443",
        "10.86.0.1:7445",
    )
    assert section.enrol_advertise == "node.test:7444"
    assert section.enrol_listen == "0.0.0.0:7444"


EDGE, KEY = "a" * 32, bytes(32)


@pytest.mark.parametrize(
    "items",
    [
        [(EDGE, KEY, "10.99.0.1")],
        [(EDGE, KEY, "10.99.0.0")],
        [(EDGE, KEY, "10.99.0.7")],
        [(EDGE, KEY, "10.98.0.2")],
        [(EDGE, KEY, "0.0.0.0")],
        [(EDGE, KEY, "10.99.0.2/0")],
        [(EDGE, KEY, "::1")],
        [(EDGE, KEY[:31], "10.99.0.2")],
        [("no id", KEY, "10.99.0.2")],
        [(EDGE, KEY, "10.99.0.2"), ("b" * 32, KEY, "10.99.0.3")],
        [(EDGE, KEY, "10.99.0.2"), ("b" * 32, b"x" * 32, "10.99.0.2")],
    ],
)
def test_a_hub_takes_no_peer_that_cannot_be(items: list[tuple[str, bytes, str]]):
    with pytest.raises(PeerError):
        checked(items, NETWORK)


def test_a_hub_keeps_its_list_and_says_when_it_is_damaged(tmp_path: Path):
    file = PeerFile(tmp_path, NETWORK)
    assert file.load() == []
    peers = checked([(EDGE, KEY, "10.99.0.2")], NETWORK)
    file.save(peers)
    assert PeerFile(tmp_path, NETWORK).load() == peers
    for bad in (b"", b"[]", b'{"peers": [{}]}', b'{"peers": [{"edge": "", "public": "", "address": ""}]}'):
        (tmp_path / "peers.json").write_bytes(bad)
        with pytest.raises(StoreError):
            file.load()
