"""Edges let go, hubs that move, ends that restart, clocks that stepped back."""

import asyncio
import json
import subprocess
import sys
import time

from tests.integration.node.kit import Household
from tests.integration.tunnel.handshake import from_the_future
from tests.integration.tunnel.place import HUB, NAME, Place, open_place
from tests.integration.tunnel.wires import Wires, ip, peers_of, read_json, until

from guardian.common.wireguard.keys import public_of
from guardian.contracts.node.v1 import node_pb2


def public_key(place: Place, letter: str = "e") -> str:
    """Of an edge's end, hexadecimal."""
    return public_of((place.edges[letter].folder / "state" / "identity" / "wireguard.key").read_bytes()).hex()


async def revoke(place: Place, edge: str) -> node_pb2.RevokeEdgeResponse:
    async with place.api() as api:
        return await api.RevokeEdge(node_pb2.RevokeEdgeRequest(edge=edge))


async def test_an_edge_that_is_let_go_is_out_of_the_tunnel_at_once_and_its_calls_end(place: Place):
    await place.start_uplink()
    await until(lambda: _line(place, "telemetry", "ok"))
    key = public_key(place)
    assert peers_of(place.node) == {key}
    answer = await revoke(place, "e")
    assert answer.edge_name == "e"
    await until(lambda: peers_of(place.node) == set())
    await until(lambda: not place.edge.is_reached(HUB))
    await until(lambda: _hub(place, "waiting"))
    assert await place.listed() == []
    await until(lambda: _not(place, "telemetry", "ok"))
    # The hub has it from its own disk too: it stays out when the node starts again.
    saved = read_json(place.node.folder / "state" / "hub" / "peers.json")
    assert saved == {"peers": []}


async def test_an_edge_let_go_enrols_anew_as_another_with_another_address(place: Place):
    before, key = place.tunnel_file(), public_key(place)
    await revoke(place, "e")
    await place.edge.end("tunnel")
    await place.enrol("e", "--again")
    after = place.tunnel_file()
    assert after["address"] != before["address"]
    assert public_key(place) != key
    await place.start_tunnel()
    await place.connected()
    assert peers_of(place.node) == {public_key(place)}
    # Nothing of the old address is left on the interface.
    assert before["address"] not in place.edge.run("ip", "address", "show", "dev", place.edge.interface).stdout


async def test_a_hub_that_moved_is_found_again_by_its_name(place: Place):
    node, household = place.node, Household()
    ip("-n", node.name, "address", "delete", f"{node.address}/24", "dev", "eth0")
    ip("-n", node.name, "address", "add", "192.0.2.99/24", "dev", "eth0")
    await until(lambda: _hub(place, "waiting"))
    place.edge.knows({NAME: "192.0.2.99"})
    await place.connected()
    event = place.emit(household.id)
    await place.start_uplink()
    await until(lambda: _stored(place, event))


async def test_either_end_may_die_and_come_back(place: Place):
    edge, node = place.edge, place.node
    # The daemon alone: the tunnel goes on without it, and it finds everything as it left it.
    await edge.end("tunnel", kill=True)
    assert edge.is_reached(HUB)
    await place.start_tunnel()
    await place.connected()
    # wireguard-go and with it the interface: the daemon that runs on makes the new one the same.
    await edge.end("wireguard-go", kill=True)
    await until(lambda: _interface(place, "waiting"))
    await edge.wireguard()
    await place.connected()
    # The hub, killed with its packets' program while the gateway is away: it starts from its own list.
    await node.end("gateway")
    await node.end("hub", kill=True)
    await node.end("wireguard-go", kill=True)
    await node.wireguard()
    await place.start_hub()
    assert peers_of(node) == {public_key(place)}
    await until(lambda: edge.is_reached(HUB), 60)
    await place.start_gateway()
    await place.connected()


async def test_a_silent_edge_whose_clock_stepped_back_is_let_in_again(switch: Wires):
    place = await open_place(switch, silent_after=3)
    edge = place.add_host("e", 10)
    await place.enrol("e")
    private = (edge.folder / "state" / "identity" / "wireguard.key").read_bytes()
    hub = bytes.fromhex(place.tunnel_file()["hub_public"])
    # What the edge's clock said before it was set right: its handshake is the newest the hub knows.
    answered = await from_the_future(edge, private, hub, (place.node.address, 51820), time.time() + 86400)
    assert answered
    await place.start_tunnel()
    await place.connected()
    assert "tunnel_taken_up" in place.node.log("hub")


async def _line(place: Place, line: str, state: str) -> bool:
    return await place.edge.state_of("uplink", line) == state


async def _not(place: Place, line: str, state: str) -> bool:
    return await place.edge.state_of("uplink", line) != state


async def _hub(place: Place, state: str) -> bool:
    return await place.edge.state_of("tunnel", "hub") == state


async def _interface(place: Place, state: str) -> bool:
    return await place.edge.state_of("tunnel", "interface") == state


async def _stored(place: Place, event: str) -> bool:
    return event in await place.stored()


async def test_an_edge_whose_lan_holds_the_tunnels_network_is_not_enrolled_until_that_is_mended(switch: Wires):
    place = await open_place(switch)
    edge = place.add_host("e", 10)
    edge.run("ip", "address", "add", "10.99.0.1/24", "dev", "eth0")
    token = await place.token("e")
    refused = await enrolled(place, token)
    assert refused.returncode != 0
    assert "eth0 holds 10.99.0.0/24" in refused.stderr
    assert not (edge.folder / "state" / "identity" / "identity.json").exists()
    edge.run("ip", "address", "delete", "10.99.0.1/24", "dev", "eth0")
    # The token was spent for these keys, which come again.
    assert (await enrolled(place, token)).returncode == 0
    assert len(await place.listed()) == 1
    # Back before the daemon starts, it is no better.
    edge.run("ip", "address", "add", "10.99.0.1/24", "dev", "eth0")
    await edge.wireguard()
    await edge.daemon("tunnel", "guardian.edge.tunnel.main", place.configs["e"])
    await until(lambda: _interface(place, "failed"))
    assert "eth0 holds 10.99.0.0/24" in edge.log("tunnel")
    assert "guardian" not in edge.run("ip", "route", "show", "10.99.0.1/32").stdout
    edge.run("ip", "address", "delete", "10.99.0.1/24", "dev", "eth0")
    await place.connected()


async def test_the_daemon_believes_no_file_that_sends_it_elsewhere(place: Place):
    await place.edge.end("tunnel")
    path = place.edge.folder / "state" / "identity" / "tunnel.json"
    path.write_text(json.dumps(place.tunnel_file() | {"hub_address": "192.168.1.20"}))
    await place.edge.daemon("tunnel", "guardian.edge.tunnel.main", place.configs["e"])
    await asyncio.wait_for(place.edge.running.pop("tunnel").wait(), 30)
    assert "tunnel_outside" in place.edge.log("tunnel")
    assert place.edge.run("ip", "route", "show", "192.168.1.20/32").stdout == ""


async def enrolled(place: Place, token: str) -> "subprocess.CompletedProcess[str]":
    """The edge comes with this token."""
    code = "from guardian.cli.main import main; main()"
    words = ["edge", "enroll", "--token", token, "--config", str(place.configs["e"])]
    return await place.edge.call(sys.executable, "-c", code, *words)
