"""A stranger with a token becomes an edge; every other stranger is told why not."""

import datetime as dt
import stat
from pathlib import Path

import grpc.aio
import pytest
from tests.integration.node.kit import Node, edge_channel, edge_stub, enrolled_edge

from guardian.common import rpc, tls
from guardian.common.clock import now
from guardian.common.errors import GuardianError
from guardian.common.tokens import Token
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.contracts.node.v1 import node_pb2
from guardian.edge import identity
from guardian.edge.enroll.enrol import enrol_async
from guardian.vault.identity import Keys
from guardian.vault.messages import sign_enrolment


async def test_an_edge_enrols_and_is_known_by_the_name_its_token_was_made_for(node: Node, folder: Path):
    who = await enrol_async(folder / "edge", await node.token("Hallway"), "whatever")
    edges = (await node.api.ListEdges(node_pb2.ListEdgesRequest())).edges
    assert [(edge.id, edge.name, edge.sign_public) for edge in edges] == [(who.edge, "Hallway", who.keys.sign_public)]
    async with edge_channel(who) as channel:
        await edge_stub(channel).SendTelemetry(edge_pb2.SendTelemetryRequest())


async def test_private_keys_are_readable_by_their_owner_alone(node: Node, folder: Path):
    who = await enrolled_edge(node, folder / "edge")
    for name in ("sign.key", "receive.key", "tls.key"):
        assert stat.S_IMODE((who.folder / name).stat().st_mode) == 0o600


async def test_a_token_works_once(node: Node, folder: Path):
    token = await node.token()
    await enrol_async(folder / "one", token, "one")
    with pytest.raises(GuardianError, match="used already") as caught:
        await enrol_async(folder / "two", token, "two")
    assert caught.value.reason == "token_spent"
    assert not identity.is_enrolled(folder / "two")


async def test_an_expired_token_is_refused(node: Node, folder: Path):
    token = Token.parse(await node.token())
    late = Token.create(token.address, token.pin)
    await node.gateway.edges.create_token(late.secret, "late", now() - dt.timedelta(seconds=1))
    with pytest.raises(GuardianError, match="expired"):
        await enrol_async(folder / "edge", str(late), "late")


async def test_a_token_nobody_made_is_refused(node: Node, folder: Path):
    token = Token.parse(await node.token())
    with pytest.raises(GuardianError, match="knows no such token"):
        await enrol_async(folder / "edge", str(Token.create(token.address, token.pin)), "forger")


async def test_a_machine_in_the_middle_is_noticed_before_the_secret_is_sent(node: Node, folder: Path):
    token = Token.parse(await node.token())
    moved = Token(token.address, "0" * 64, token.secret)
    with pytest.raises(GuardianError, match="not the machine this token was made on"):
        await enrol_async(folder / "edge", str(moved), "edge")
    # The secret was not spent, so it did not travel.
    await enrol_async(folder / "edge", str(token), "edge")


async def test_an_enrolment_port_that_is_away_is_named(folder: Path):
    token = Token.create("127.0.0.1:1", "0" * 64)
    with pytest.raises(GuardianError, match="cannot be reached"):
        await enrol_async(folder / "edge", str(token), "edge")


async def test_an_enrolled_edge_keeps_its_keys_unless_told_otherwise(node: Node, folder: Path):
    first = await enrolled_edge(node, folder / "edge")
    with pytest.raises(GuardianError, match="enrolled already"):
        await enrol_async(folder / "edge", await node.token(), "edge")
    assert identity.load(folder / "edge").keys.sign_public == first.keys.sign_public
    second = await enrol_async(folder / "edge", await node.token(), "edge", again=True)
    assert second.edge != first.edge


async def test_an_enrolment_cut_short_leaves_an_edge_that_is_not_enrolled(node: Node, folder: Path):
    who = await enrolled_edge(node, folder / "edge")
    # `identity.json` is written last: without it the rest counts for nothing.
    (who.folder / "identity.json").unlink()
    assert not identity.is_enrolled(folder / "edge")
    again = await enrolled_edge(node, folder / "edge")
    assert again.edge != who.edge


@pytest.mark.parametrize("broken", ["proof", "csr", "key"])
async def test_keys_that_are_not_proved_do_not_spend_the_token(node: Node, folder: Path, broken: str):
    token = Token.parse(await node.token())
    keys, csr = Keys.generate(), tls.new_csr(tls.new_key())
    proof = sign_enrolment(keys if broken != "proof" else Keys.generate(), token.secret, csr)
    request = edge_pb2.EnrolRequest(
        token_secret=token.secret,
        csr_der=csr if broken != "csr" else csr[:-1] + bytes([csr[-1] ^ 1]),
        sign_public=keys.sign_public if broken != "key" else keys.sign_public[:31],
        receive_public=keys.receive_public,
        proof=proof,
        name="edge",
    )
    async with await rpc.pinned_channel(token) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await edge_pb2_grpc.EnrolmentServiceStub(channel).Enrol(request)
    assert rpc.reason_of(caught.value) in {"enrol_proof", "enrol_malformed"}
    await enrol_async(folder / "edge", str(token), "edge")


@pytest.mark.parametrize(("name", "seconds"), [("", 60), ("x" * 65, 60), ("ok", 0), ("ok", 10**7), ("a\nb", 60)])
async def test_absurd_tokens_are_not_made(node: Node, name: str, seconds: int):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await node.api.CreateEdgeToken(node_pb2.CreateEdgeTokenRequest(edge_name=name, valid_seconds=seconds))
    assert rpc.reason_of(caught.value) == "token_request"
