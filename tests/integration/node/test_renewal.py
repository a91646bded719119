"""A new certificate for an edge that proves its key: in time, too late, and never once it was let go."""

import datetime as dt
import socket
import time
from pathlib import Path

import grpc.aio
import pytest
from cryptography import x509
from tests.integration.node.browser import start_edge, until
from tests.integration.node.kit import Household, Node, edge_channel, enrolled_edge, make_identity, node_settings

from guardian.common import rpc, tls
from guardian.common.clock import now
from guardian.common.handover import offer
from guardian.common.health import Health
from guardian.common.renewal import Renewal
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.edge import identity
from guardian.edge.tunnel.settings import TunnelFile
from guardian.edge.uplink.renewal import NodeRenewal
from guardian.node.gateway import challenges, pki
from guardian.node.gateway.challenges import Challenges
from guardian.node.gateway.edges import EdgeRevoked
from guardian.node.gateway.main import start
from guardian.vault.messages import sign_renewal


def certificate(folder: Path) -> x509.Certificate:
    """The one in force."""
    return x509.load_pem_x509_certificates(rpc.read_pair(folder)[1])[0]


async def asked(who: identity.Identity, channel: grpc.aio.Channel, **bent: bytes) -> edge_pb2.RenewResponse:
    """Both calls; a test may bend what is sent."""
    stub = edge_pb2_grpc.RenewalServiceStub(channel)
    begun = await stub.BeginRenewal(edge_pb2.BeginRenewalRequest(edge_id=who.edge))
    csr = tls.new_csr(tls.new_key())
    fields = {"challenge": begun.challenge, "csr_der": csr}
    fields["signature"] = sign_renewal(who.keys, begun.challenge, who.edge, csr)
    return await stub.Renew(edge_pb2.RenewRequest(edge_id=who.edge, **{**fields, **bent}))


async def test_a_certificate_lives_thirty_days_and_is_asked_for_at_two_thirds(node: Node, folder: Path):
    who = await enrolled_edge(node, folder / "edge")
    found = certificate(who.folder)
    life = found.not_valid_after_utc - found.not_valid_before_utc
    assert life == dt.timedelta(days=30)
    dues = {Renewal(folder / "edge", "uplink", Health("t"), _never).due(found) for _ in range(20)}
    assert len(dues) > 10
    assert all(0.6 * life < due - found.not_valid_before_utc < 0.71 * life for due in dues)


async def _never(_: bytes, __: bool) -> bytes:
    raise AssertionError("not asked")


async def test_the_uplink_renews_with_a_new_key_and_dials_again(
    node: Node, folder: Path, household: Household, monkeypatch: pytest.MonkeyPatch
):
    # Two thirds of it lie before its first moment: CAs date five minutes back.
    monkeypatch.setattr(pki, "EDGE_LIFE", dt.timedelta(minutes=6))
    who = await enrolled_edge(node, folder / "edge" / "state")
    before = certificate(who.folder)
    monkeypatch.setattr(pki, "EDGE_LIFE", dt.timedelta(days=30))
    edge = await start_edge(node, folder / "edge")
    try:
        await until(lambda: certificate(who.folder).serial_number != before.serial_number)
        after = certificate(who.folder)
        assert after.public_key() != before.public_key()
        assert (who.folder / "tls.pem").read_bytes() == tls.cert_pem(after)
        assert (who.folder / "tls.key").stat().st_mode & 0o077 == 0
        event = edge.emit(household.id)
        await until(lambda: _has(node, event))
        await until(lambda: edge.service.health.names()["certificate"] == "ok")
    finally:
        edge.outbox.close()
        await edge.stop()


async def _has(node: Node, event: str) -> bool:
    rows = await node.gateway.store.events_after(0, 100)
    return event in [edge_pb2.Event.FromString(row.event).id for row in rows]


async def test_a_challenge_is_good_once_for_one_edge_and_what_it_signed(node: Node, folder: Path):
    who, other = await enrolled_edge(node, folder / "a"), await enrolled_edge(node, folder / "b")
    async with edge_channel(who) as channel:
        stub = edge_pb2_grpc.RenewalServiceStub(channel)
        good = await asked(who, channel)
        assert x509.load_der_x509_certificate(good.certificate_der).not_valid_after_utc > now()
        csr, begun = tls.new_csr(tls.new_key()), await stub.BeginRenewal(edge_pb2.BeginRenewalRequest(edge_id=who.edge))
        once = edge_pb2.RenewRequest(
            edge_id=who.edge,
            challenge=begun.challenge,
            csr_der=csr,
            signature=sign_renewal(who.keys, begun.challenge, who.edge, csr),
        )
        await stub.Renew(once)
        bent: list[dict[str, bytes]] = [
            {"challenge": bytes(32)},
            {"challenge": b""},
            {"csr_der": tls.new_csr(tls.new_key())},
            {"csr_der": b"x" * 20_000},
            {"signature": b""},
            {"signature": sign_renewal(other.keys, begun.challenge, who.edge, csr)},
        ]
        for fields in bent:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await asked(who, channel, **fields)
            assert rpc.reason_of(caught.value) == "renewal_refused", fields
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Renew(once)
        assert rpc.reason_of(caught.value) == "renewal_refused"
        for edge in ("", "f" * 32, "no id"):
            assert len((await stub.BeginRenewal(edge_pb2.BeginRenewalRequest(edge_id=edge))).challenge) == 32


async def test_nobody_else_can_keep_an_edge_from_renewing(node: Node, folder: Path):
    """Whoever is inside the tunnel may ask in its name, between its two calls and as often as it likes."""
    who, other = await enrolled_edge(node, folder / "a"), await enrolled_edge(node, folder / "b")
    async with edge_channel(who) as channel, edge_channel(other) as foe:
        stub, foes = edge_pb2_grpc.RenewalServiceStub(channel), edge_pb2_grpc.RenewalServiceStub(foe)
        begun = await stub.BeginRenewal(edge_pb2.BeginRenewalRequest(edge_id=who.edge))
        csr = tls.new_csr(tls.new_key())
        own = edge_pb2.RenewRequest(
            edge_id=who.edge,
            challenge=begun.challenge,
            csr_der=csr,
            signature=sign_renewal(who.keys, begun.challenge, who.edge, csr),
        )
        for _ in range(20):
            theirs = await foes.BeginRenewal(edge_pb2.BeginRenewalRequest(edge_id=who.edge))
            for challenge in (theirs.challenge, begun.challenge, b""):
                signature = sign_renewal(other.keys, theirs.challenge, who.edge, csr)
                forged = edge_pb2.RenewRequest(edge_id=who.edge, challenge=challenge, csr_der=csr, signature=signature)
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await foes.Renew(forged)
                assert rpc.reason_of(caught.value) == "renewal_refused"
        found = x509.load_der_x509_certificate((await stub.Renew(own)).certificate_der)
    assert found.not_valid_after_utc > now()


async def test_a_challenge_of_another_edge_or_process_or_minute_is_none(monkeypatch: pytest.MonkeyPatch):
    made, edge = Challenges(), "a" * 32
    challenge = made.make(edge)
    assert len(challenge) == 32 and made.is_good(challenge, edge)
    assert not made.is_good(challenge, "b" * 32)
    assert not Challenges().is_good(challenge, edge)
    for place in range(32):
        bent = bytearray(challenge)
        bent[place] ^= 1
        assert not made.is_good(bytes(bent), edge)
    made.spend(challenge)
    assert not made.is_good(challenge, edge)
    later, begun = made.make(edge), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: begun + challenges.SECONDS - 2)
    assert made.is_good(later, edge) and not made.is_good(challenge, edge)
    monkeypatch.setattr(time, "monotonic", lambda: begun + challenges.SECONDS + 2)
    assert not made.is_good(later, edge)
    # Nothing of what has ended is kept.
    made.spend(newest := made.make(edge))
    assert list(made._spent) == [newest]


async def test_an_edge_that_was_let_go_gets_none(node: Node, folder: Path):
    who = await enrolled_edge(node, folder / "edge")
    await node.gateway.edges.revoke(who.edge)
    async with edge_channel(who) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asked(who, channel)
    assert rpc.reason_of(caught.value) == EdgeRevoked().reason


async def test_on_a_host_the_new_pair_goes_to_root(node: Node, folder: Path):
    state = folder / "edge"
    who = await enrolled_edge(node, state)
    before = certificate(who.folder)
    offer.folder_of(state, "uplink").mkdir(parents=True)
    async with edge_channel(who) as channel:
        renewal = Renewal(state, "uplink", Health("t"), NodeRenewal(who, channel).ask)
        assert await renewal.renew()
    handed = offer.folder_of(state, "uplink") / "tls.key"
    assert offer.is_waiting(state, "uplink")
    key, chain = tls.load_pair(handed.read_bytes())
    assert key and x509.load_pem_x509_certificate(chain).not_valid_after_utc > now()
    assert certificate(who.folder) == before


async def test_one_that_ended_while_its_edge_was_away_is_renewed_at_the_port_for_that(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = node_settings(folder / "node")
    settings = settings.model_copy(
        update={"gateway": settings.gateway.model_copy(update={"renew_listen": f"127.0.0.1:{port}"})}
    )
    gateway = await start(settings, make_identity(settings))
    node = Node(settings, make_identity(settings), gateway, rpc.socket_channel(settings.gateway_socket("agent")))
    try:
        # CAs date five minutes back: this one has ended when it arrives.
        monkeypatch.setattr(pki, "EDGE_LIFE", dt.timedelta(minutes=5))
        who = await enrolled_edge(node, folder / "edge")
        monkeypatch.setattr(pki, "EDGE_LIFE", dt.timedelta(days=30))
        tunnel = TunnelFile(
            hub_public="0" * 64,
            endpoint="node.test:51820",
            address="10.86.0.2",
            hub_address="10.86.0.1",
            mtu=1420,
            renewal=f"127.0.0.1:{port}",
        )
        (who.folder / "tunnel.json").write_text(tunnel.model_dump_json())
        async with edge_channel(who) as channel:
            # The gateway's own door no longer knows it.
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await asked(who, channel)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
            assert not await Renewal(folder / "edge", "uplink", Health("t"), NodeRenewal(who, channel).ask).renew()
        async with edge_channel(who) as channel:
            await asked(who, channel)
        # Let go, it gets none there either.
        await gateway.edges.revoke(who.edge)
        ask = NodeRenewal(who, edge_channel(who)).ask
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ask(tls.new_csr(tls.new_key()), True)
        assert rpc.reason_of(refused.value) == "edge_revoked"
    finally:
        await node.close()
