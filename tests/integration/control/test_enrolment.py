"""A stranger becomes a node by a token, once; a revoked node is nobody again."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.integration.control.world import Household, World

from guardian.common import files, kept, rpc, tls
from guardian.common.errors import PeerError
from guardian.common.tokens import Token
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.contracts.control.v1 import control_pb2_grpc
from guardian.control.agents.pki import Pki
from guardian.control.nodes.service import NodeService
from guardian.control.tickets import keys
from guardian.node import identity
from guardian.node.enroll import enrol


async def refused(world: World, token: Token) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.enrol(token, tls.new_key())
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert caught.value.details()
    return rpc.reason_of(caught.value)


async def test_an_enrolled_node_knows_its_tenant_its_peers_and_the_ticket_keys(home: Household) -> None:
    answer = home.enrolment
    assert answer.tenant_id == home.tenant_id
    assert answer.agents_address == home.world.settings.agents.advertise
    assert list(answer.ticket_keys) == keys.load_public(home.world.settings.state_dir)
    assert [node["id"] for node in await home.get("/nodes")] == [answer.node_id]
    report = await home.report()
    assert list(report.ticket_keys) == list(answer.ticket_keys)


async def test_a_token_is_spent_once_even_by_two_at_the_same_time(home: Household) -> None:
    token = await home.world.token(home.tenant_id)
    results = await asyncio.gather(*(home.world.enrol(token, tls.new_key()) for _ in range(4)), return_exceptions=True)
    good = [item for item in results if isinstance(item, pb.EnrolResponse)]
    assert len(good) == 1
    assert await refused(home.world, token) == "token_spent"


async def test_a_node_that_lost_its_answer_is_told_again_who_it_is_and_nobody_else_is(home: Household) -> None:
    token, key = await home.world.token(home.tenant_id), tls.new_key()
    answers = await asyncio.gather(*(home.world.enrol(token, key) for _ in range(3)))
    assert len({answer.node_id for answer in answers}) == 1
    assert len(await home.get("/nodes")) == 2
    assert await refused(home.world, token) == "token_spent"
    nodes = NodeService(home.world.context.database)
    await nodes.revoke(home.tenant_id, answers[0].node_id)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await home.world.enrol(token, key)
    assert rpc.reason_of(caught.value) == "token_spent"


async def test_a_spent_token_ends_with_its_time_for_its_own_node_too(home: Household) -> None:
    token, key = await home.world.token(home.tenant_id, life=timedelta(seconds=2)), tls.new_key()
    await home.world.enrol(token, key)
    await asyncio.sleep(2.1)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await home.world.enrol(token, key)
    assert rpc.reason_of(caught.value) == "token_spent"


async def test_a_node_whose_answer_was_lost_enrols_with_the_same_token(
    home: Household, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, ask = str(await home.world.token(home.tenant_id)), enrol._ask

    async def lost(*words: Any) -> pb.EnrolResponse:
        await ask(*words)
        raise PeerError("The line broke.", reason="peer_away")

    monkeypatch.setattr(enrol, "_ask", lost)
    with pytest.raises(PeerError):
        await enrol.enrol_async(tmp_path, token)
    monkeypatch.setattr(enrol, "_ask", ask)
    first = await enrol.enrol_async(tmp_path, token)
    assert {node["id"] for node in await home.get("/nodes")} == {home.node_id, first.node}
    # The next token's node takes its place at the end of its enrolment, and not before.
    other = str(await home.world.token(home.tenant_id))
    write = files.write_atomic

    def full(path: Path, data: bytes, **more: Any) -> None:
        if path.name == "identity.json":
            raise OSError("no room")
        write(path, data, **more)

    monkeypatch.setattr(kept, "write_atomic", full)
    with pytest.raises(OSError, match="no room"):
        await enrol.enrol_async(tmp_path, other, again=True)
    assert identity.load(tmp_path) == first
    monkeypatch.setattr(kept, "write_atomic", write)
    second = await enrol.enrol_async(tmp_path, other, again=True)
    assert second.node != first.node
    assert identity.load(tmp_path) == second
    rpc.read_pair(tmp_path / "identity")


async def test_an_old_or_invented_token_is_refused(home: Household) -> None:
    expired = await home.world.token(home.tenant_id, life=timedelta(seconds=-1))
    assert await refused(home.world, expired) == "token_expired"
    invented = Token.create(expired.address, expired.pin)
    assert await refused(home.world, invented) == "token_unknown"


async def test_a_token_made_elsewhere_stops_before_anything_is_sent(home: Household) -> None:
    token = await home.world.token(home.tenant_id)
    with pytest.raises(PeerError) as caught:
        await home.world.enrol(Token(token.address, "0" * 64, token.secret), tls.new_key())
    assert caught.value.reason == "enrol_wrong_peer"
    await home.world.enrol(token, tls.new_key())


@pytest.mark.parametrize("csr", [b"", b"\x30\x80junk", bytes(5000)])
async def test_a_bad_signing_request_does_not_spend_the_token(home: Household, csr: bytes) -> None:
    token = await home.world.token(home.tenant_id)
    async with await rpc.pinned_channel(token) as channel:
        stub = control_pb2_grpc.NodeEnrolmentServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Enrol(pb.EnrolRequest(token_secret=token.secret, csr_der=csr))
    assert rpc.reason_of(caught.value) == "csr_refused"
    await home.world.enrol(token, tls.new_key())


async def test_a_revoked_node_is_refused_and_no_longer_listed(home: Household) -> None:
    await home.report()
    await NodeService(home.world.context.database).revoke(home.tenant_id, home.node_id)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await home.report()
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert rpc.reason_of(caught.value) == "node_revoked"
    assert await home.get("/nodes") == []
    assert await home.get("/edges") == []
    answer = await home.browser.post(
        "/api/v1/tickets", json={"node_id": home.node_id, "member": "ab" * 16, "objects": [], "events": []}
    )
    assert answer.status_code == 404


async def test_an_open_stream_of_a_revoked_node_ends(home: Household) -> None:
    stream = home.stub.ReceiveCommands(pb.ReceiveCommandsRequest())
    reading = asyncio.ensure_future(stream.read())
    await home.report()
    await NodeService(home.world.context.database).revoke(home.tenant_id, home.node_id)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await asyncio.wait_for(reading, 30)
    assert rpc.reason_of(caught.value) == "node_revoked"


def test_keys_survive_a_restart_and_are_not_for_others_to_read(tmp_path: Path, world: World) -> None:
    first = Pki.load(tmp_path, world.settings.agents)
    public = keys.load_public(tmp_path)
    assert Pki.load(tmp_path, world.settings.agents).pin == first.pin
    assert keys.load_signer(tmp_path).public_key().public_bytes_raw() == public[0]
    for path in tmp_path.rglob("*.key"):
        assert path.stat().st_mode & 0o077 == 0, path
