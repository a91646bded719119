"""Events reach the node's store whole, once and durably; what is not an event of this edge is refused and explained."""

import asyncio
import datetime as dt
import math
import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import grpc
import grpc.aio
import pytest
from tests.integration.node.kit import (
    TENANT,
    Household,
    Node,
    edge_channel,
    edge_stub,
    enrolled_edge,
    make_identity,
    new_event,
    node_settings,
    open_node,
    signed,
)

from guardian.common import rpc, tls
from guardian.common.clock import now
from guardian.common.ids import uuid7
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.edge import identity as edge_identity


async def send(
    who: edge_identity.Identity, events: Iterable[edge_pb2.SignedEvent]
) -> list[edge_pb2.SendEventsResponse]:
    """Send all, wait until the last is acknowledged."""
    numbered = list(enumerate(events, 1))
    answers = []
    async with edge_channel(who) as channel:
        call = edge_stub(channel).SendEvents()
        for position, event in numbered:
            await call.write(edge_pb2.SendEventsRequest(position=position, event=event))
        async for answer in call:
            answers.append(answer)
            if answer.acknowledged == len(numbered):
                break
        call.cancel()
    return answers


async def stored(node: Node) -> list[edge_pb2.Event]:
    rows = await node.gateway.store.events_after(0, 10_000)
    return [edge_pb2.Event.FromString(row.event) for row in rows]


async def test_events_are_acknowledged_in_order_and_can_be_read_back(node: Node, folder: Path, household: Household):
    who = await enrolled_edge(node, folder / "edge")
    events = [new_event(who, household.id) for _ in range(700)]
    answers = await send(who, [signed(who, event) for event in events])
    assert [answer.acknowledged for answer in answers] == sorted(answer.acknowledged for answer in answers)
    assert not any(answer.refused for answer in answers)
    assert [event.id for event in await stored(node)] == [event.id for event in events]
    async with node.at("relay") as relay:
        stub: node_pb2_grpc.GatewayServiceAsyncStub = node_pb2_grpc.GatewayServiceStub(relay)
        answer = await stub.GetEvent(node_pb2.GetEventRequest(event_id=events[3].id))
    assert answer.event == signed(who, events[3])


async def test_the_newest_revision_wins_whatever_the_order_and_repeats_change_nothing(
    node: Node, folder: Path, household: Household
):
    who = await enrolled_edge(node, folder / "edge")
    event = new_event(who, household.id, revision=3)
    older = new_event(who, household.id, id=event.id, revision=2, label="cat")
    await send(who, [signed(who, event), signed(who, older), signed(who, event)])
    assert [(item.revision, item.label) for item in await stored(node)] == [(3, "person")]
    newer = new_event(who, household.id, id=event.id, revision=4, label="dog")
    await send(who, [signed(who, newer)])
    assert [(item.revision, item.label) for item in await stored(node)] == [(4, "dog")]


def far(seconds: float) -> dt.datetime:
    return now() + dt.timedelta(seconds=seconds)


Change = Callable[[edge_pb2.Event], object]
MALFORMED: dict[str, tuple[Change, str]] = {
    "no UUIDv7": (lambda e: setattr(e, "id", "2d0e1b8e-0000-4000-8000-000000000000"), "event_malformed"),
    "id in capitals": (lambda e: setattr(e, "id", e.id.upper()), "event_malformed"),
    "another edge": (lambda e: setattr(e, "edge_id", "0" * 32), "event_foreign"),
    "no household": (lambda e: setattr(e, "household_id", ""), "event_malformed"),
    "a path as camera": (lambda e: setattr(e, "camera_id", "../front"), "event_malformed"),
    "no label": (lambda e: setattr(e, "label", ""), "event_malformed"),
    "a label with control characters": (lambda e: setattr(e, "label", "per\nson"), "event_malformed"),
    "a long label": (lambda e: setattr(e, "label", "x" * 65), "event_malformed"),
    "an absurd revision": (lambda e: setattr(e, "revision", 2**31), "event_malformed"),
    "no start": (lambda e: e.ClearField("start"), "event_malformed"),
    "a start in the past century": (
        lambda e: e.start.FromDatetime(dt.datetime(1970, 1, 2, tzinfo=dt.UTC)),
        "event_time",
    ),
    "a start in the future": (lambda e: e.start.FromDatetime(far(86400)), "event_time"),
    "a time that is none": (lambda e: setattr(e.start, "seconds", 2**62), "event_time"),
    "an end before the start": (lambda e: e.end.FromDatetime(far(-3600)), "event_time"),
    "a box outside": (lambda e: setattr(e.path[0].box, "x", 0.9), "event_box"),
    "a box that is no number": (lambda e: setattr(e.path[0].box, "width", math.nan), "event_box"),
    "a negative box": (lambda e: setattr(e.path[0].box, "y", -0.1), "event_box"),
    "a score above one": (lambda e: setattr(e, "top_score", 1.5), "event_box"),
    "too long a path": (lambda e: e.path.extend([e.path[0]] * 600), "event_malformed"),
    "an absurd frame": (lambda e: setattr(e, "frame_width", 10**6), "event_malformed"),
    "an object without kind": (lambda e: e.objects.add(id="0" * 32), "event_malformed"),
    "an object with a path as id": (lambda e: e.objects.add(id="../" * 10 + "ab", kind=1), "event_malformed"),
    "too large": (lambda e: setattr(e, "label", "x" * 300_000), "event_too_large"),
}


async def test_what_is_malformed_is_refused_for_good_and_the_stream_goes_on(
    node: Node, folder: Path, household: Household
):
    who = await enrolled_edge(node, folder / "edge")
    batch, expected = [], []
    for change, reason in MALFORMED.values():
        event = new_event(who, household.id)
        change(event)
        batch += [signed(who, event), signed(who, new_event(who, household.id))]
        expected += [reason, None]
    foreign = new_event(who, household.id)
    batch.append(edge_pb2.SignedEvent(event=foreign.SerializeToString(), signature=bytes(64)))
    batch.append(
        edge_pb2.SignedEvent(event=b"\xff\xff\xff", signature=who.keys.sign(b"guardian/event/v1\0\xff\xff\xff"))
    )
    expected += ["event_signature", "event_malformed"]
    refused = {item.position: item for answer in await send(who, batch) for item in answer.refused}
    found = [refused[position].reason if position in refused else None for position in range(1, len(batch) + 1)]
    assert found == expected
    assert all(item.sentence for item in refused.values())
    assert len(await stored(node)) == len(MALFORMED)


async def test_once_the_household_is_known_events_of_another_are_refused(
    node: Node, folder: Path, household: Household
):
    who = await enrolled_edge(node, folder / "edge")
    await node.give_roster(household)
    [answer] = await send(who, [signed(who, new_event(who, "ab" * 16))])
    assert [item.reason for item in answer.refused] == ["event_foreign"]


async def test_positions_that_do_not_rise_end_the_stream(node: Node, folder: Path, household: Household):
    who = await enrolled_edge(node, folder / "edge")
    async with edge_channel(who) as channel:
        call = edge_stub(channel).SendEvents()
        for position in (2, 1):
            event = signed(who, new_event(who, household.id))
            await call.write(edge_pb2.SendEventsRequest(position=position, event=event))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in call:
                pass
    assert rpc.reason_of(caught.value) == "position_order"


async def refusal(channel: grpc.aio.Channel) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await edge_stub(channel).SendTelemetry(edge_pb2.SendTelemetryRequest(), timeout=10)
    return caught.value


def channel_with(node: Node, authority: tls.Authority, uri: str) -> grpc.aio.Channel:
    key = tls.new_key()
    certificate = authority.issue_client(key.public_key(), uri)
    roots = (node.settings.state_dir / "gateway" / "ca.pem").read_bytes()
    credentials = grpc.ssl_channel_credentials(roots, tls.key_pem(key), tls.cert_pem(certificate))
    return grpc.aio.secure_channel(node.gateway.edge_address, credentials)


def own_authority(node: Node) -> tls.Authority:
    folder = node.settings.state_dir / "gateway"
    return tls.Authority.load((folder / "ca.key").read_bytes(), (folder / "ca.pem").read_bytes())


async def test_a_certificate_of_a_foreign_authority_does_not_pass_the_handshake(node: Node, folder: Path):
    who = await enrolled_edge(node, folder / "edge")
    async with channel_with(node, tls.Authority.create("foreign"), f"guardian://{TENANT}/edge/{who.edge}") as channel:
        assert (await refusal(channel)).code() == grpc.StatusCode.UNAVAILABLE


async def test_without_a_certificate_nothing_is_answered(node: Node):
    roots = (node.settings.state_dir / "gateway" / "ca.pem").read_bytes()
    async with grpc.aio.secure_channel(node.gateway.edge_address, grpc.ssl_channel_credentials(roots)) as channel:
        assert (await refusal(channel)).code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    "uri", ["guardian://other/edge/{}", "guardian://tenant-one/node/{}", "guardian://tenant-one/edge/x", "x:{}"]
)
async def test_a_certificate_that_names_another_tenant_kind_or_edge_is_refused(node: Node, folder: Path, uri: str):
    who = await enrolled_edge(node, folder / "edge")
    async with channel_with(node, own_authority(node), uri.format(who.edge)) as channel:
        assert rpc.reason_of(await refusal(channel)) == "edge_unknown"


async def test_a_revoked_edge_loses_its_open_calls_and_may_make_no_other(
    node: Node, folder: Path, household: Household
):
    who = await enrolled_edge(node, folder / "edge")
    household.add_edge(who)
    await node.give_roster(household)
    async with edge_channel(who) as channel:
        call = edge_stub(channel).ReceiveCommands(edge_pb2.ReceiveCommandsRequest())
        await call.wait_for_connection()
        household.revoke_edge(who.edge)
        await node.give_roster(household)
        with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
            async for _ in call:
                pass
        assert rpc.reason_of(await refusal(channel)) == "edge_revoked"
    assert list((await node.api.ListEdges(node_pb2.ListEdgesRequest())).edges) == []


async def test_what_was_known_is_known_after_a_restart(folder: Path, household: Household):
    node = await open_node(folder / "node")
    who = await enrolled_edge(node, folder / "edge")
    await node.give_roster(household)
    await send(who, [signed(who, new_event(who, household.id))])
    await node.close()
    again = await open_node(folder / "node")
    try:
        assert again.gateway.rosters.current is not None
        assert again.gateway.rosters.current.head_hash == household.roster.head_hash
        assert len(await stored(again)) == 1
        assert again.gateway.edges.get(who.edge) is not None
    finally:
        await again.close()


async def test_a_killed_gateway_has_everything_it_acknowledged_once(folder: Path, household: Household):
    settings = node_settings(folder / "node")
    make_identity(settings)
    config = folder / "node.yaml"
    config.write_text(settings.model_dump_json())
    known: set[str] = set()

    async def launch(address: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from guardian.node.gateway.main import main; main()", "--config", str(config)),
            env={**os.environ, "GUARDIAN_GATEWAY__LISTEN": address},
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with rpc.socket_channel(settings.gateway_socket("agent")) as channel:
            await asyncio.wait_for(channel.channel_ready(), 30)
        return process

    process = await launch("127.0.0.1:0")
    try:
        async with rpc.socket_channel(settings.gateway_socket("agent")) as channel:
            from guardian.edge.enroll.enrol import enrol_async

            request = node_pb2.CreateEdgeTokenRequest(edge_name="edge", valid_seconds=600)
            token = (await node_pb2_grpc.GatewayServiceStub(channel).CreateEdgeToken(request)).token
        who = await enrol_async(folder / "edge", token, "edge")
        acknowledged = 0
        positions: dict[int, str] = {}
        for attempt in range(3):
            async with edge_channel(who) as edge:
                call = edge_stub(edge).SendEvents()

                async def write(call=call, first=acknowledged + 1) -> None:
                    for position in range(first, first + 2000):
                        event = new_event(who, household.id, id=positions.setdefault(position, str(uuid7())))
                        await call.write(edge_pb2.SendEventsRequest(position=position, event=signed(who, event)))

                writing = asyncio.create_task(write())
                try:
                    async for answer in call:
                        acknowledged = answer.acknowledged
                        if acknowledged >= 300 * (attempt + 1):
                            # In the middle of it: more is on its way and being committed.
                            process.send_signal(signal.SIGKILL)
                            break
                finally:
                    writing.cancel()
                    await asyncio.gather(writing, return_exceptions=True)
                    call.cancel()
            await process.wait()
            for left in settings.run_dir.glob("doors/*/api.sock"):
                left.unlink()
            process = await launch(who.gateway)
            known = {positions[number] for number in range(1, acknowledged + 1)}
        async with rpc.socket_channel(settings.gateway_socket("agent")) as channel:
            seen: list[str] = []
            watch = node_pb2_grpc.GatewayServiceStub(channel).WatchEvents(node_pb2.WatchEventsRequest())
            async for item in watch:
                seen.append(edge_pb2.Event.FromString(item.event.event).id)
                if known <= set(seen):
                    break
            watch.cancel()
        assert len(seen) == len(set(seen))
    finally:
        process.kill()
        await process.wait()
