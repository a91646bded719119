"""An edge that was stolen: revoked while it is connected."""

import asyncio
import json
import time

import pytest
from tests.demo_check.program import items
from tests.host.runner import Host
from tests.host.site.household import Owner, until
from tests.host.site.together import note, play, waiting
from tools.lab import wire

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_revoked_edge_is_cut_off_within_seconds_and_stays_so(owner: Owner, edge: Host, node: Host):
    async def connected() -> bool:
        return bool(items(await owner.get("/edges"))[0]["online"])

    assert await until("the edge is connected", connected, 120)
    assert edge.try_run("ping", "-c1", "-W2", "10.86.0.1").status == 0
    began = time.monotonic()
    ended = await asyncio.to_thread(play, "playbooks/revoke_device.yml", revoke_edge="edge")
    assert ended.returncode == 0, ended.stdout[-4000:]
    played = time.monotonic() - began

    async def cut() -> bool:
        return (await asyncio.to_thread(edge.try_run, "ping", "-c1", "-W1", "10.86.0.1")).status != 0

    began = time.monotonic()
    assert await until("the tunnel is cut", cut, 5)
    note(revoke_play=round(played, 1), revoke_cut_after_play=round(time.monotonic() - began, 1))
    edge.try_run("systemctl", "restart", "guardian-tunnel", "guardian-uplink")
    await asyncio.sleep(10)
    assert edge.try_run("ping", "-c1", "-W1", "10.86.0.1").status != 0
    listed = json.loads(node.run("/opt/guardian/current/bin/guardian", "edge", "list", "--json").out)
    assert listed["edges"] == []


async def test_nothing_from_it_arrives_any_more(owner: Owner, edge: Host):
    kept = waiting(edge)
    before = {item["id"] for item in await owner.events()}
    answers = [packet for packet in wire.read(wire.capture()) if packet.is_wireguard and packet.source == "192.0.2.10"]
    # Long enough for somebody to walk through the garden.
    await asyncio.sleep(30)
    assert waiting(edge) - kept, "nobody was at the camera: this would prove nothing"
    assert {item["id"] for item in await owner.events()} == before
    later = [packet for packet in wire.read(wire.capture()) if packet.is_wireguard and packet.source == "192.0.2.10"]
    assert len(later) == len(answers)
