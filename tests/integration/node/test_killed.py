"""Enrolment killed at each of its steps, with a real SIGKILL: the next start with the same seed repairs it."""

import asyncio
import os
import sys
from pathlib import Path

import grpc.aio
import pytest
from cryptography import x509
from tests.integration.node.kit import Node, edge_channel, edge_stub
from tests.integration.node.test_seeded import Host

from guardian.common import kept, rpc, tls
from guardian.common.errors import GuardianError
from guardian.common.handover import offer, table
from guardian.common.tokens import Token
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.edge import identity
from guardian.edge.enroll.enrol import enrol_async
from guardian.vault.identity import Keys
from guardian.vault.messages import sign_enrolment

FIRST_LAID = 5
# Kills itself where it would write or remove a file, or has its answer, for the time whose number is given.
DYING = """
import os, signal, sys
from pathlib import Path
from guardian.common import files, kept
from guardian.common.handover import offer
from guardian.edge.enroll import enrol, main
step, count = int(sys.argv.pop(1)), 0

def counted(call):
    def step_of(*words, **more):
        global count
        # A half-written file is no step of its own.
        count += not str(words[:1]).count("/.")
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*words, **more)
    return step_of

files.write_atomic = kept.write_atomic = offer.write_atomic = counted(files.write_atomic)
Path.unlink = counted(Path.unlink)
ask = enrol._ask
async def answered(*words):
    answer = await ask(*words)
    counted(lambda: None)()
    return answer
enrol._ask = answered
main.main()
"""


@pytest.fixture
def host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("SYSTEMD_CREDENTIAL_SECRET", str(folder / "machine.secret"))
    (folder / "host").mkdir()
    return Host(folder / "host")


async def run(host: Host, step: int) -> int:
    """Status of one that is killed at this step; 0 when it has fewer."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        DYING,
        str(step),
        "--config",
        str(host.config),
        env={**os.environ, "CREDENTIALS_DIRECTORY": str(host.folder / "given")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    await ended(process, 0, -9)
    return process.returncode or 0


async def ended(process: asyncio.subprocess.Process, *wanted: int) -> str:
    """What it said; it is not waited for without end, for it would try a node that is away for ever."""
    try:
        said = (await asyncio.wait_for(process.communicate(), 60))[0].decode()
    except TimeoutError:
        process.kill()
        said = (await process.communicate())[0].decode()
    assert process.returncode in wanted, said
    return said


async def mended(host: Host, node: Node) -> identity.IdentityFile:
    """The next start, then root: keys, certificate and identity are of one edge, which the node lets in."""
    said = await ended(await host.enrol(), 0)
    laid = offer.laid(host.state, "enroll")
    assert {"sign.key", "receive.key", "tls.key"} == laid.keys(), said
    assert host.taken() == {*laid, "seed"}
    assert not (host.folder / "store" / "guardian.seed").exists()
    who = identity.load_file(host.state)
    keys = Keys(laid[table.SIGN], laid[table.RECEIVE])
    given = node.gateway.edges.get(who.edge)
    assert given is not None
    assert (given.sign_public, given.receive_public) == (keys.sign_public, keys.receive_public)
    # Nothing of the keys is left where they were kept.
    text = "".join(path.read_text("latin-1") for path in host.state.rglob("*") if path.is_file())
    assert not [data for data in laid.values() if data.hex() in text or data.decode("latin-1") in text]
    folder = host.folder / "as the units see it"
    folder.mkdir(exist_ok=True)
    (folder / "tls.key").write_bytes(laid[table.TLS])
    (folder / "ca.pem").write_bytes((host.state / "identity" / "ca.pem").read_bytes())
    loaded = identity.Identity(folder, who.tenant, who.edge, who.name, who.gateway, keys)
    async with edge_channel(loaded) as channel:
        await edge_stub(channel).SendTelemetry(edge_pb2.SendTelemetryRequest())
    return who


async def test_killed_at_any_step_a_first_enrolment_is_repaired_by_the_next_start(node: Node, host: Host):
    steps = 0
    for step in range(1, 100):
        host.seed(await node.token("Attic"))
        if await run(host, step) == 0:
            break
        steps = step
        who = await mended(host, node)
        # One edge came of it, not one and a ghost.
        assert [edge.id for edge in node.gateway.edges.all() if edge.revoked_at is None] == [who.edge]
        await node.gateway.edges.revoke(who.edge)
        for path in [*host.state.rglob("*")]:
            if path.is_file():
                path.unlink()
    # Keys kept, answered, kept again, four laid, five public files, what is left, two of the offer.
    assert steps >= 12


async def test_killed_at_any_step_an_edge_has_one_whole_identity_and_becomes_the_new_one(node: Node, host: Host):
    host.seed(await node.token("Attic"))
    assert await run(host, 0) == 0
    before, steps = await mended_first(host, node), 0
    for step in range(1, 100):
        host.seed(await node.token("Attic"))
        status = await run(host, step)
        # Whoever it is, it is somebody: the old edge until the new one is whole.
        identity.load_file(host.state)
        if status == 0:
            break
        steps = step
        after = await mended(host, node)
        assert after.edge != before.edge
        assert len(node.gateway.edges.all()) == step + 1
        before = after
    assert steps >= 12


async def mended_first(host: Host, node: Node) -> identity.IdentityFile:
    """Root takes what a whole run laid."""
    assert "tls.key" in host.taken()
    who = identity.load_file(host.state)
    assert node.gateway.edges.get(who.edge) is not None
    return who


async def test_one_killed_after_the_answer_needs_neither_the_node_nor_a_valid_token(node: Node, host: Host):
    token = await node.token("Attic", seconds=60)
    host.seed(token)
    # Keys, the answer, the answer kept, what was laid before taken back; then the first key that is laid.
    assert await run(host, FIRST_LAID) == -9
    await expire(node, token)
    await node.gateway.stop()
    await ended(await host.enrol(), 0)
    assert host.taken() == {"sign.key", "receive.key", "tls.key", "seed"}


async def test_a_new_seed_that_is_dead_takes_nothing_of_what_an_earlier_one_began(node: Node, host: Host):
    used = await node.token("Cellar")
    await enrol_async(host.folder / "other", used, "Cellar")
    for step in range(FIRST_LAID, 100):
        host.seed(await node.token("Attic"))
        if await run(host, step) == 0:
            break
        host.seed(used)
        await ended(await host.enrol(), 78)
        laid = offer.laid(host.state, "enroll")
        assert laid.keys() == {"sign.key", "receive.key", "tls.key"}
        assert host.taken() == {*laid, "seed"}
        who = identity.load_file(host.state)
        given = node.gateway.edges.get(who.edge)
        assert given is not None
        assert given.sign_public == Keys(laid[table.SIGN], b"").sign_public


async def expire(node: Node, token: str) -> None:
    """As if its time had come."""
    past = "2020-01-01T00:00:00.000000Z"
    await node.gateway.store.writer.run(
        lambda connection: connection.exec_driver_sql("UPDATE tokens SET expires_at = ?", (past,))
    )
    with pytest.raises(GuardianError):
        await node.gateway.edges.check_token(Token.parse(token).secret)


class Stranger:
    """Who sends what it likes with a token."""

    def __init__(self, token: Token) -> None:
        self.token, self.keys, self.tls_key = token, Keys.generate(), tls.new_key()

    async def ask(self, **bent: object) -> edge_pb2.EnrolResponse:
        keys = bent.get("keys", self.keys)
        assert isinstance(keys, Keys)
        csr = tls.new_csr(bent.get("tls_key", self.tls_key))  # type: ignore[arg-type]
        proof = bent.get("proof", sign_enrolment(keys, self.token.secret, csr))
        request = edge_pb2.EnrolRequest(
            token_secret=self.token.secret,
            csr_der=csr,
            sign_public=keys.sign_public,
            receive_public=keys.receive_public,
            proof=proof,  # type: ignore[arg-type]
            name="edge",
        )
        async with await rpc.pinned_channel(self.token) as channel:
            return await edge_pb2_grpc.EnrolmentServiceStub(channel).Enrol(request, timeout=10)

    async def refused(self, **bent: object) -> str:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(**bent)
        return rpc.reason_of(caught.value)


async def test_a_spent_token_is_answered_again_to_the_same_keys_and_to_no_others(node: Node):
    edge = Stranger(Token.parse(await node.token("Attic")))
    answers = await asyncio.gather(*(edge.ask() for _ in range(3)))
    assert len({answer.edge_id for answer in answers}) == 1
    for answer in answers:
        assert x509.load_der_x509_certificate(answer.certificate_der).public_key() == edge.tls_key.public_key()
    sign, receive = edge.keys.seeds()
    others = Keys.generate().seeds()
    assert await edge.refused(keys=Keys.generate()) == "token_spent"
    assert await edge.refused(keys=Keys(others[0], receive)) == "token_spent"
    assert await edge.refused(keys=Keys(sign, others[1])) == "token_spent"
    assert await edge.refused(tls_key=tls.new_key()) == "token_spent"
    assert await edge.refused(proof=bytes(64)) == "enrol_proof"
    assert len(node.gateway.edges.all()) == 1
    assert (await edge.ask()).edge_id == answers[0].edge_id


async def test_it_is_not_answered_again_after_its_time_or_once_the_edge_was_let_go(node: Node):
    edge, other = [Stranger(Token.parse(await node.token(name))) for name in ("Attic", "Cellar")]
    await edge.ask()
    await node.gateway.edges.revoke((await other.ask()).edge_id)
    assert await other.refused() == "token_spent"
    await expire(node, str(edge.token))
    assert await edge.refused() == "token_spent"


async def test_without_a_handover_an_answer_that_was_lost_is_asked_for_again(
    node: Node, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    from guardian.edge.enroll import enrol

    token, ask = await node.token("Attic"), enrol._ask

    async def lost(*words: object) -> edge_pb2.EnrolResponse:
        await ask(*words)  # type: ignore[arg-type]
        raise GuardianError("The line broke.", reason="peer_away")

    monkeypatch.setattr(enrol, "_ask", lost)
    with pytest.raises(GuardianError):
        await enrol_async(folder / "edge", token, "edge")
    path = folder / "edge" / "enroll" / "kept.json"
    assert path.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(enrol, "_ask", ask)
    who = await enrol_async(folder / "edge", token, "edge")
    assert [edge.id for edge in node.gateway.edges.all()] == [who.edge]
    assert who.keys.seeds()[0].hex() not in path.read_text()


async def test_what_is_kept_and_damaged_is_named_without_a_key(node: Node, folder: Path):
    path = folder / "edge" / "enroll" / "kept.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"token": "", "secrets": {"sign.key": "secret"}}')
    with pytest.raises(GuardianError) as caught:
        await enrol_async(folder / "edge", await node.token(), "edge")
    assert caught.value.reason == "enrol_damaged"
    assert 'secret"' not in str(caught.value)
    path.write_bytes(b"x" * (300 << 10))
    with pytest.raises(GuardianError) as caught:
        kept.resume(folder / "edge", Token.parse(await node.token()))
    assert caught.value.reason == "enrol_damaged"
