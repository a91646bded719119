"""What a site is for: who is at the camera is seen at the control plane; only sealed bytes travel, in a tunnel."""

import asyncio
import hashlib
from typing import Any

import pytest
from tests.host.runner import Host
from tests.host.site.household import Owner, until
from tests.host.site.together import all_there, none_twice, plug, waiting
from tools.lab import network, wire

from guardian.vault.reader import BytesSource, open_of_any_edge
from guardian.vault.roster_author import open_epochs

WIREGUARD = {bytes([kind, 0, 0, 0]) for kind in (1, 2, 3, 4)}
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_person_at_the_camera_is_an_event_at_the_control_plane(owner: Owner):
    assert await until("an event of a person with a clip", lambda: person_with_clip(owner), 120)


async def test_the_clip_comes_back_sealed_through_the_relay_and_opens_with_the_owners_keys(owner: Owner, edge: Host):
    event = await until("an event of a person with a clip", lambda: person_with_clip(owner), 120)
    assert event is not None
    clip = next(item["id"] for item in event["objects"] if item["kind"] == "clip")

    async def same() -> bytes | None:
        """A clip is written on for a moment after its event ended."""
        data = await owner.sealed(clip)
        found = edge.run("find", "/var/lib/guardian/cameras", "-name", f"{clip}.sealed").lines
        return data if edge.run("sha256sum", found[0]).out.split()[0] == sha256(data) else None

    data = await until("the relay's bytes are the edge's", same, 60)
    assert data is not None
    opened = open_of_any_edge(BytesSource(data), owner.chain, open_epochs(owner.chain, owner.author))
    opened.check()
    assert opened.header.metadata.media == "video/mp4"
    assert b"ftyp" not in data


async def test_nothing_is_lost_or_doubled_when_the_line_is_cut_for_a_minute(owner: Owner, edge: Host):
    plug("out")
    try:
        await asyncio.sleep(60)
        unsent = waiting(edge)
    finally:
        plug("in")
    assert unsent, "nobody was at the camera for a minute: this would prove nothing"
    assert await until("what happened meanwhile arrives", lambda: all_there(owner, unsent), 90)
    assert await none_twice(owner)


async def test_nothing_but_wireguard_crosses_the_line(owner: Owner):
    packets = wire.read(wire.capture())
    assert sum(packet.is_wireguard for packet in packets) > 100
    odd = [packet for packet in packets if not may_cross(packet)]
    assert [f"{p.kind} {p.source}:{p.source_port} > {p.target}:{p.target_port}" for p in odd] == []


async def test_the_edge_enrolled_before_that_and_said_nothing_in_clear(owner: Owner):
    packets = [packet for packet in wire.read(wire.capture()) if may_cross(packet)]
    enrolment = [number for number, packet in enumerate(packets) if packet.kind == "tcp" and packet.payload]
    # A record of TLS: handshake.
    assert enrolment
    assert packets[enrolment[0]].payload[:2] == b"\x16\x03"
    assert not any(b"gdn1." in packet.payload or b"guardian://" in packet.payload for packet in packets)
    content = [number for number, packet in enumerate(packets) if packet.payload[:4] == b"\4\0\0\0"]
    assert enrolment[-1] < content[0]


def may_cross(packet: wire.Packet) -> bool:
    """The tunnel; enrolment's own port; and what any cable carries."""
    node, home = network.ADDRESSES["node"], network.HOME_OUTSIDE
    if packet.kind in {"arp", "ip6"}:
        return packet.kind == "arp" or packet.source.startswith(("fe80:", "::"))
    ends = {packet.source, packet.target}
    if ends != {node, home}:
        # A switch that does not know yet where a host is sends to all: then it is nobody's of this home.
        return not {end for end in ends if end == home or end.startswith("192.168.")}
    # Where one end was just started or lost its way through the router, the other is told, by the message's head.
    if lost := wire.quoted(packet):
        port = lost.target_port if lost.target == node else lost.source_port
        return {lost.source, lost.target} == ends and port == 51820 and lost.payload[:4] in WIREGUARD
    there = packet.target_port if packet.target == node else packet.source_port
    return (packet.is_wireguard and there == 51820) or (packet.kind == "tcp" and there == 7444)


async def person_with_clip(owner: Owner) -> dict[str, Any] | None:
    """The newest that is over."""
    return next(
        (
            item
            for item in await owner.events()
            if item["label"] == "person" and item["end"] and any(part["kind"] == "clip" for part in item["objects"])
        ),
        None,
    )


def sha256(data: bytes) -> str:
    """As sha256sum prints it."""
    return hashlib.sha256(data).hexdigest()
