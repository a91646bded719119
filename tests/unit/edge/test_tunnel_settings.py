"""What a node may say of the tunnel: addresses of the network this edge knows, which nobody else on the host holds."""

import os
import subprocess
import sys

import pytest

from guardian.common.config import parse
from guardian.common.errors import ConfigError, PeerError
from guardian.common.wireguard.neighbours import held_networks
from guardian.contracts.edge.v1 import edge_pb2
from guardian.edge.config import EdgeConfig, TunnelConfig
from guardian.edge.enroll import enrol
from guardian.edge.identity import IdentityError
from guardian.edge.tunnel import settings

NETWORK = "10.86.0.0/16"


def file(address: str = "10.86.0.2", hub: str = "10.86.0.1") -> settings.TunnelFile:
    return settings.TunnelFile(
        hub_public="0" * 64, endpoint="n:51820", address=address, hub_address=hub, mtu=1420, renewal=f"{hub}:7445"
    )


def test_what_a_hub_gives_is_taken() -> None:
    settings.check(file(), NETWORK)
    settings.check(file("10.86.255.254"), NETWORK)
    settings.check(file("192.168.7.6", "192.168.7.1"), "192.168.7.0/29")


@pytest.mark.parametrize(
    ("address", "hub"),
    [
        # A camera's, the router's.
        ("10.86.0.2", "192.168.1.20"),
        ("192.168.1.20", "10.86.0.1"),
        ("192.168.1.20", "192.168.1.1"),
        ("10.86.0.2", "10.86.0.3"),
        ("10.86.0.2", "10.86.0.0"),
        ("10.86.0.1", "10.86.0.1"),
        ("10.86.0.0", "10.86.0.1"),
        ("10.86.255.255", "10.86.0.1"),
        ("10.87.0.2", "10.86.0.1"),
    ],
)
def test_what_no_hub_of_this_network_gives_is_refused(address: str, hub: str) -> None:
    with pytest.raises(IdentityError) as caught:
        settings.check(file(address, hub), NETWORK)
    assert caught.value.reason == "tunnel_outside"
    with pytest.raises(IdentityError):
        enrol._tunnel(answer(address, hub), TunnelConfig())


def answer(address: str = "10.86.0.2", hub: str = "10.86.0.1", **bent: str) -> edge_pb2.EnrolResponse:
    told = {"endpoint": "n:51820", "renewal_address": f"{hub}:7445"} | bent
    gateway = told.pop("gateway_address", f"{hub}:7443")
    tunnel = edge_pb2.TunnelSettings(hub_public=bytes(32), edge_address=address, hub_address=hub, mtu=1420, **told)
    return edge_pb2.EnrolResponse(gateway_address=gateway, tunnel=tunnel)


@pytest.mark.parametrize("name", ["gateway_address", "renewal_address"])
def test_a_node_that_would_be_dialled_beside_the_tunnel_is_refused(name: str) -> None:
    assert enrol._tunnel(answer(), TunnelConfig())
    with pytest.raises(PeerError) as caught:
        enrol._tunnel(answer(**{name: "192.168.1.1:7443"}), TunnelConfig())
    assert caught.value.reason == "enrol_answer"


@pytest.mark.parametrize("network", ["0.0.0.0/0", "8.8.8.0/24", "10.86.0.0/30", "10.86.0.1/16", "x"])
def test_a_network_that_is_none_of_a_tunnel_is_refused(network: str) -> None:
    with pytest.raises(ConfigError):
        parse(EdgeConfig, {"tunnel": {"network": network}}, source="test")


def test_loopback_is_among_what_is_held() -> None:
    assert ("lo", "127.0.0.0/8") in [(name, str(network)) for name, network in held_networks()]


# In a network namespace of its own: a second interface with several addresses.
NEIGHBOUR = """
import subprocess, sys
from guardian.common.wireguard.device import WireGuardError
from guardian.common.wireguard.neighbours import refuse_overlap
subprocess.run("ip link add lan0 type veth peer name lan1".split(), check=True)
for item in sys.argv[1:]:
    subprocess.run(["ip", "address", "add", item, "dev", "lan0"], check=True)
try:
    refuse_overlap("10.86.0.0/16", "guardian0")
    refuse_overlap("10.86.0.0/16", "lan0")
    print("clear")
except WireGuardError as error:
    refuse_overlap("10.86.0.0/16", "lan0")
    print(error.reason, error)
"""


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        (["192.168.1.5/24", "10.85.0.1/16"], "clear"),
        (["192.168.1.5/24", "10.86.0.1/24"], "lan0 holds 10.86.0.0/24"),
        (["10.5.0.1/8"], "lan0 holds 10.0.0.0/8"),
        (["192.168.1.5/24", "192.168.1.6/32", "10.86.9.9/32"], "lan0 holds 10.86.9.9/32"),
    ],
)
def test_another_interface_with_a_part_of_it_is_named(addresses: list[str], said: str) -> None:
    assert os.geteuid() == 0, "network namespaces are made by root: run these tests as root"
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", NEIGHBOUR, *addresses], capture_output=True, text=True, check=True
    )
    assert said in done.stdout
    assert (said == "clear") == ("tunnel_overlap" not in done.stdout)
