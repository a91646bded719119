"""A system from the node to the edge over their own line: whole and signed, or not at all, whatever ends in between."""

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from tests.integration.node.browser import until
from tests.integration.node.far import far_line
from tests.integration.node.kit import (
    Household,
    Node,
    edge_channel,
    edge_stub,
    enrolled_edge,
    make_identity,
    new_event,
    node_settings,
    signed,
)
from tests.updating import Maker

from guardian.common import bundle, rpc
from guardian.common.clock import now
from guardian.common.config import parse
from guardian.common.errors import PeerError
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.edge import identity as edge_identity
from guardian.edge.config import EdgeConfig
from guardian.edge.update import asking, incoming, run
from guardian.edge.update.asking import Node as NodeSide
from guardian.edge.update.errors import UpdateError
from guardian.edge.update.run import Run
from guardian.edge.update.status import Place, Status, request
from guardian.node.gateway import update_service
from guardian.node.gateway.main import start
from guardian.node.updates import shelf
from guardian.node.updates.rollout import Bundle

ALWAYS = "00:00-24:00"
NEW = "9.0.0"
PROGRAM = "from guardian.edge.update.main import main; main()"


@dataclass
class Machine:
    """An enrolled edge that takes updates."""

    who: edge_identity.Identity
    settings: EdgeConfig
    config: Path

    @property
    def place(self) -> Place:
        return Place(self.settings.state_dir)

    def here(self) -> dict[str, int]:
        """What lies in `incoming/`, by size."""
        return {path.name: path.stat().st_size for path in self.place.incoming.iterdir()}

    def part(self) -> Path | None:
        return next(self.place.incoming.glob("*.part"), None) if self.place.incoming.is_dir() else None

    async def run(self, **asked: bool) -> Status:
        if asked:
            request(self.settings.state_dir, **asked)
        return await Run(self.settings).go()

    async def begin(self, *arguments: str) -> asyncio.subprocess.Process:
        """The console script in a process of its own."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, "--config", str(self.config), *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


@pytest.fixture
def maker(folder: Path) -> Maker:
    return Maker(folder / "maker")


async def open_node(folder: Path, **updates: object) -> Node:
    settings = node_settings(folder)
    raw = {**json.loads(settings.model_dump_json()), "updates": {"keys": str(folder / "keys"), **updates}}
    settings = parse(type(settings), raw, source="test")
    who = make_identity(settings)
    gateway = await start(settings, who)
    return Node(settings, who, gateway, rpc.socket_channel(settings.gateway_socket("agent")))


@pytest.fixture
async def node(folder: Path) -> AsyncIterator[Node]:
    node = await open_node(folder / "node")
    yield node
    await node.close()


async def new_machine(node: Node, folder: Path, maker: Maker, name: str = "edge", **update: object) -> Machine:
    state = folder / name / "state"
    who = await enrolled_edge(node, state, name)
    keys = maker.trusted_in(folder / name / "keys")
    raw = {"state_dir": str(state), "update": {"window": ALWAYS, "keys": str(keys), **update}}
    settings = parse(EdgeConfig, raw, source="test")
    config = folder / name / "edge.yaml"
    config.write_text(settings.model_dump_json())
    return Machine(who, settings, config)


@pytest.fixture
async def machine(node: Node, folder: Path, maker: Maker) -> Machine:
    return await new_machine(node, folder, maker)


def lay(node: Node, maker: Maker, version: str = NEW, size: int = 700_000, **channels: int) -> Bundle:
    return maker.lay(node.settings.state_dir, version, size, **channels)


def stored(node: Node, version: str = NEW) -> Path:
    return shelf.folder_of(node.settings.state_dir) / shelf.file_name(version, bundle.kind_of("edge"))


def closed_now() -> str:
    """A window of two hours that begins in three."""
    begin = now().astimezone() + timedelta(hours=3)
    return f"{begin:%H:%M}-{begin + timedelta(hours=2):%H:%M}"


def lie(node: Node, **changes: object) -> None:
    """A node that is not what it should be: its catalogue says what nobody added."""
    path = shelf.folder_of(node.settings.state_dir) / "catalogue.json"
    content = json.loads(path.read_text())
    content["bundles"][0].update(changes)
    path.write_text(json.dumps(content))


async def test_an_offered_system_arrives_whole_and_is_handed_over(node: Node, machine: Machine, maker: Maker):
    lay(node, maker)
    process = await machine.begin()
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    assert machine.place.bundle.read_bytes() == stored(node).read_bytes()
    assert machine.here() == {}
    status = machine.place.status()
    assert (status.state, status.reason, status.fetched) == ("ready", "", stored(node).stat().st_size)
    assert status.offered and status.offered.version == NEW
    # Until it was taken, nothing else is fetched over it.
    assert (await machine.run()).state == "ready"
    assert status.tries.handed_over == machine.place.status().tries.handed_over == 1


async def test_killed_at_any_moment_it_goes_on_where_it_was(folder: Path, maker: Maker):
    node = await open_node(folder / "node", megabytes_per_second=8)
    try:
        machine = await new_machine(node, folder, maker)
        size = lay(node, maker, size=12_000_000).size
        reached, files = 0, set()
        for _ in range(3):
            process = await machine.begin()

            def grown(least: int = reached + 2_000_000) -> bool:
                part = machine.part()
                return part is not None and part.stat().st_size >= least

            await until(grown)
            os.kill(process.pid, signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL
            part = machine.part()
            assert part is not None
            assert reached < part.stat().st_size < size
            reached = part.stat().st_size
            files.add(part.stat().st_ino)
        assert (await machine.run()).state == "ready"
        # One file all along: it was gone on with, never begun again.
        assert {machine.place.bundle.stat().st_ino} == files
        assert machine.place.bundle.read_bytes() == stored(node).read_bytes()
    finally:
        await node.close()


async def test_what_was_begun_of_another_version_is_dropped(node: Node, machine: Machine, maker: Maker):
    machine.place.make()
    (machine.place.incoming / "8.0.0-0123456789abcdef.part").write_bytes(b"old")
    lay(node, maker)
    machine.settings = machine.settings.model_copy(
        update={"update": machine.settings.update.model_copy(update={"window": closed_now()})}
    )
    assert (await machine.run()).state == "waiting"
    assert [name.partition("-")[0] for name in machine.here()] == [NEW]
    with shelf.writing(shelf.folder_of(node.settings.state_dir)) as writer:
        writer.remove(NEW)
    assert (await machine.run()).state == "none"
    assert machine.here() == {}


@pytest.mark.parametrize("place", ["in its head", "at its end"])
async def test_a_flipped_byte_is_found_wherever_it_is(node: Node, machine: Machine, maker: Maker, place: str):
    size = lay(node, maker).size
    with stored(node).open("r+b") as file:
        file.seek(70 if place == "in its head" else size - 1)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    process = await machine.begin()
    said = (await process.communicate())[0].decode()
    assert process.returncode == 1, said
    status = machine.place.status()
    assert (status.state, status.reason) == (
        "refused",
        "bundle_foreign" if place == "in its head" else "bundle_damaged",
    )
    assert not machine.place.bundle.exists()
    assert machine.here() == {}


async def test_what_came_damaged_three_times_is_not_fetched_a_fourth(node: Node, machine: Machine, maker: Maker):
    lay(node, maker)
    with stored(node).open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\0" if stored(node).read_bytes()[-1] else b"\1")
    reasons = [(await machine.run()).reason for _ in range(4)]
    assert reasons == ["bundle_damaged"] * 3 + ["update_damaged"]
    assert (await machine.run(force=True)).reason == "bundle_damaged"


async def test_a_truncated_file_is_not_handed_on(
    node: Node, machine: Machine, maker: Maker, monkeypatch: pytest.MonkeyPatch
):
    lay(node, maker)
    os.truncate(stored(node), 400_000)
    monkeypatch.setattr(run, "FRUITLESS", 0)
    status = await machine.run()
    assert (status.state, status.reason) == ("away", "updates_unavailable")
    # And a node that says it is meant to be so short is not believed.
    lie(node, size=400_000)
    status = await machine.run()
    assert (status.state, status.reason) == ("refused", "update_mismatch")
    assert machine.here() == {}


async def test_a_stranger_s_system_is_refused_before_it_is_here(folder: Path, maker: Maker):
    node = await open_node(folder / "node", megabytes_per_second=4)
    try:
        machine = await new_machine(node, folder, maker)
        size = lay(node, Maker(folder / "stranger"), size=40_000_000).size
        status = await machine.run()
        assert (status.state, status.reason) == ("refused", "bundle_foreign")
        assert status.fetched < size
        assert machine.here() == {}
    finally:
        await node.close()


async def test_a_machine_without_keys_trusts_nobody(node: Node, machine: Machine, maker: Maker):
    lay(node, maker)
    (machine.settings.update.keys / "maker.pub").unlink()
    assert (await machine.run()).reason == "update_keys_missing"


async def test_the_head_must_say_what_the_node_said(node: Node, machine: Machine, maker: Maker):
    lay(node, maker)
    stored(node).rename(stored(node, "9.1.0"))
    lie(node, version="9.1.0")
    assert (await machine.run()).reason == "update_mismatch"
    # Another kind than this machine takes, whatever the catalogue calls it.
    wrong = maker.make("9.1.0", kind="edge")
    stored(node, "9.1.0").write_bytes(wrong.read_bytes())
    lie(node, size=wrong.stat().st_size)
    assert (await machine.run()).reason == "update_kind"
    assert machine.here() == {}


async def test_each_kind_is_offered_to_those_that_ask_for_it(node: Node, machine: Machine, maker: Maker):
    """Two files of one version, a newer system, and an edge of each kind at the node's own port."""
    release = lay(node, maker)
    with shelf.writing(shelf.folder_of(node.settings.state_dir)) as writer:
        for version in (NEW, "9.1.0"):
            writer.add(maker.make(version, size=300_000, kind="edge"), [maker.public], {"stable": 100})
    system = next(item for item in shelf.read(shelf.folder_of(node.settings.state_dir)).find(NEW) if item != release)
    async with edge_channel(machine.who) as channel:
        stub = edge_pb2_grpc.UpdateServiceStub(channel)
        offered = {
            kind: await stub.OfferUpdate(
                edge_pb2.OfferUpdateRequest(software_version="1.0.0", channel="stable", kind=kind), timeout=20
            )
            for kind in ("edge", "edge-release", "node-release", "")
        }
        # By hash, though the version is the same.
        read = stub.ReadUpdate(
            edge_pb2.ReadUpdateRequest(version=NEW, sha256=bytes.fromhex(system.sha256), offset=0), timeout=20
        )
        data = b"".join([piece.data async for piece in read])
    assert {kind: answer.offer.version for kind, answer in offered.items() if answer.HasField("offer")} == {
        "edge": "9.1.0",
        "edge-release": NEW,
    }
    assert (offered["node-release"].reason, offered[""].reason) == ("up_to_date", "up_to_date")
    assert hashlib.sha256(data).hexdigest() == system.sha256
    assert (await machine.run()).state == "ready"
    assert machine.place.bundle.read_bytes() == stored(node).read_bytes()


async def test_what_is_not_newer_is_not_offered(node: Node, machine: Machine, maker: Maker):
    lay(node, maker, "0.0.1")
    lay(node, maker, asking.running())
    assert (await machine.run()).state == "none"


class Liar(edge_pb2_grpc.UpdateServiceServicer):
    """A node that offers whatever it likes."""

    offer: Any = None

    async def OfferUpdate(self, request: Any, context: Any) -> edge_pb2.OfferUpdateResponse:
        return edge_pb2.OfferUpdateResponse(offer=self.offer)

    async def ReadUpdate(self, request: Any, context: Any) -> AsyncIterator[edge_pb2.ReadUpdateResponse]:
        for _ in range(3):
            yield edge_pb2.ReadUpdateResponse(data=bytes(rpc.PIECE))


@pytest.fixture
async def liar(folder: Path) -> AsyncIterator[tuple[Liar, NodeSide]]:
    liar, server = Liar(), grpc.aio.server(options=rpc.SERVER_OPTIONS)
    edge_pb2_grpc.add_UpdateServiceServicer_to_server(liar, server)
    server.add_insecure_port(f"unix:{folder / 'liar.sock'}")
    await server.start()
    async with rpc.socket_channel(folder / "liar.sock") as channel:
        yield liar, NodeSide(channel)
    await server.stop(0)


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ({"version": "0.0.1"}, "update_not_newer"),
        ({"version": asking.running()}, "update_not_newer"),
        ({"version": "../../etc"}, "update_mismatch"),
        ({"version": ""}, "update_mismatch"),
        ({"size": 0}, "update_mismatch"),
        ({"size": 1 << 60}, "update_mismatch"),
        ({"sha256": b"short"}, "update_mismatch"),
    ],
)
async def test_no_offer_of_a_lying_node_is_taken(liar: tuple[Liar, NodeSide], offer: dict[str, Any], reason: str):
    server, side = liar
    server.offer = edge_pb2.UpdateOffer(**{"version": NEW, "size": 1000, "sha256": bytes(32), **offer})
    with pytest.raises(UpdateError) as caught:
        await side.ask("stable")
    assert caught.value.reason == reason


async def test_no_more_is_taken_than_was_offered(liar: tuple[Liar, NodeSide]):
    with pytest.raises(PeerError) as caught:
        async for _ in liar[1].read(asking.Offer(NEW, rpc.PIECE + 1, bytes(32)), 0):
            pass
    assert caught.value.reason == "update_mismatch"


async def test_it_waits_for_its_hour_unless_an_operator_asks(node: Node, folder: Path, maker: Maker):
    machine = await new_machine(node, folder, maker, window=closed_now())
    lay(node, maker)
    status = await machine.run()
    assert (status.state, list(machine.here().values())) == ("waiting", [stored(node).stat().st_size])
    assert not machine.place.bundle.exists()
    request(machine.settings.state_dir, now=True)
    assert (await machine.run()).state == "ready"
    assert machine.place.bundle.read_bytes() == stored(node).read_bytes()
    # What was asked is asked once.
    machine.place.bundle.unlink()
    assert (await machine.run()).state == "waiting"


async def test_a_pause_ends_downloads_and_keeps_back_what_is_here(node: Node, folder: Path, maker: Maker):
    machine = await new_machine(node, folder, maker, window=closed_now())
    lay(node, maker)
    assert (await machine.run()).state == "waiting"
    there = shelf.folder_of(node.settings.state_dir)
    with shelf.writing(there) as writer:
        writer.pause(NEW)
    assert (await machine.run(now=True)).state == "kept_back"
    assert not machine.place.bundle.exists()
    async with edge_channel(machine.who) as channel:
        offer = asking.Offer(NEW, 1, bytes.fromhex(shelf.read(there).bundles[0].sha256))
        with pytest.raises(PeerError) as caught:
            async for _ in NodeSide(channel).read(offer, 0):
                pass
        assert caught.value.reason == "update_gone"
    with shelf.writing(there) as writer:
        writer.roll_out(NEW, "stable", 100)
    assert (await machine.run(now=True)).state == "ready"


async def test_an_edge_is_offered_what_is_rolled_out_to_it(node: Node, folder: Path, maker: Maker):
    machine = await new_machine(node, folder, maker)
    lay(node, maker, stable=0, beta=100)
    assert (await machine.run()).state == "kept_back"
    with shelf.writing(shelf.folder_of(node.settings.state_dir)) as writer:
        writer.pin(machine.who.edge, "beta")
    assert (await machine.run()).state == "ready"


def judged(machine: Machine, version: str, outcome: str) -> None:
    slots = machine.settings.state_dir / "slots"
    slots.mkdir(exist_ok=True)
    content = {
        "version": version,
        "outcome": outcome,
        "sentence": "It did not come up.",
        "time": "2026-11-27T12:00:00Z",
    }
    (slots / "history.jsonl").write_text(json.dumps(content) + "\n")


@pytest.mark.parametrize("outcome", ["never_came_up", "unhealthy", "refused", "good"])
async def test_what_failed_here_is_not_taken_again_by_itself(node: Node, machine: Machine, maker: Maker, outcome: str):
    lay(node, maker)
    judged(machine, NEW, outcome)
    status = await machine.run(now=True)
    assert (status.state, status.reason) == ("refused", "update_tried")
    assert "It did not come up." in status.sentence
    assert machine.here() == {}
    judged(machine, "8.0.0", outcome)
    assert (await machine.run()).state == "ready"


async def test_what_was_left_by_hand_stays_so_and_is_no_fault(node: Node, machine: Machine, maker: Maker):
    lay(node, maker)
    judged(machine, NEW, "left")
    process = await machine.begin()
    said = (await process.communicate())[0].decode()
    assert (process.returncode, machine.place.status().state) == (0, "kept_back"), said
    assert "update apply --force" in said
    assert machine.here() == {}


@pytest.mark.parametrize("outcome", ["unhealthy", "left"])
async def test_force_takes_it_again(node: Node, machine: Machine, maker: Maker, outcome: str):
    lay(node, maker)
    judged(machine, NEW, outcome)
    request(machine.settings.state_dir, force=True)
    assert (await machine.run()).state == "ready"


@pytest.mark.parametrize("outcome", ["not_judged", "not_applied"])
async def test_a_trial_that_nobody_could_judge_is_made_three_times(
    node: Node, machine: Machine, maker: Maker, outcome: str
):
    lay(node, maker)
    states = []
    for _ in range(4):
        states.append((await machine.run()).state)
        machine.place.bundle.unlink(missing_ok=True)
        judged(machine, NEW, outcome)
    assert states == ["ready"] * 3 + ["refused"]


async def test_a_verdict_that_cannot_be_read_stops_it(node: Node, machine: Machine, maker: Maker):
    lay(node, maker)
    judged(machine, NEW, "good")
    (machine.settings.state_dir / "slots" / "history.jsonl").write_text("{")
    assert (await machine.run()).reason == "update_last_unknown"


async def test_without_room_nothing_is_begun(
    node: Node, machine: Machine, maker: Maker, monkeypatch: pytest.MonkeyPatch
):
    lay(node, maker)
    monkeypatch.setattr(incoming, "SPARE", 1 << 60)
    status = await machine.run()
    assert (status.state, status.reason) == ("refused", "update_disk_full")
    assert "MB more" in status.sentence
    assert machine.here() == {}


async def test_only_one_is_at_work(node: Node, machine: Machine, maker: Maker):
    machine.place.make()
    with machine.place.alone():
        process = await machine.begin()
        assert "at work" in (await process.communicate())[0].decode()
        assert process.returncode == 0


async def test_another_user_leaves_nothing_in_its_folder(node: Node, machine: Machine, maker: Maker):
    lay(node, maker)
    machine.place.make()
    if os.geteuid() == 0:
        os.chown(machine.place.folder, 65534, 65534)
    else:
        machine.place.folder.rename(machine.place.folder.with_name("own"))
        machine.place.folder.symlink_to("/var/lib")
    process = await machine.begin()
    assert "systemctl start guardian-update" in (await process.communicate())[0].decode()
    assert process.returncode == 1
    assert machine.place.status() == Status()


async def test_switched_off_it_asks_nobody_and_a_machine_that_is_nobody_s_waits(node: Node, folder: Path, maker: Maker):
    machine = await new_machine(node, folder, maker, enabled=False)
    lay(node, maker)
    assert (await machine.run()).state == "off"
    stranger = parse(EdgeConfig, {"state_dir": str(folder / "nobody")}, source="test")
    status = await Run(stranger).go()
    assert (status.state, status.reason) == ("away", "not_enrolled")


async def test_a_node_that_is_away_is_waited_for(node: Node, machine: Machine, maker: Maker):
    await node.close()
    process = await machine.begin()
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    assert machine.place.status().reason == "peer_away"


async def test_a_revoked_edge_is_offered_nothing_and_reads_nothing(node: Node, machine: Machine, maker: Maker):
    item = lay(node, maker)
    await node.gateway.edges.revoke(machine.who.edge)
    status = await machine.run()
    assert (status.state, status.reason) == ("refused", "edge_revoked")
    async with edge_channel(machine.who) as channel:
        with pytest.raises(PeerError) as caught:
            async for _ in NodeSide(channel).read(asking.Offer(NEW, item.size, bytes.fromhex(item.sha256)), 0):
                pass
    assert caught.value.reason == "edge_revoked"


async def test_an_edge_revoked_while_it_reads_gets_no_more(folder: Path, maker: Maker):
    node = await open_node(folder / "node", megabytes_per_second=2)
    try:
        machine = await new_machine(node, folder, maker)
        item = lay(node, maker, size=30_000_000)
        async with edge_channel(machine.who) as channel:
            pieces = NodeSide(channel).read(asking.Offer(NEW, item.size, bytes.fromhex(item.sha256)), 0)
            await anext(pieces)
            await node.gateway.edges.revoke(machine.who.edge)
            with pytest.raises(PeerError) as caught:
                async for _ in pieces:
                    pass
        assert caught.value.reason == "edge_revoked"
    finally:
        await node.close()


def reading(machine: Machine, item: Bundle, channel: grpc.aio.Channel) -> Any:
    """A call whose edge takes nothing until it is read."""
    asked = edge_pb2.ReadUpdateRequest(version=item.version, sha256=bytes.fromhex(item.sha256))
    return edge_pb2_grpc.UpdateServiceStub(channel).ReadUpdate(asked)


async def refusal(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        while await call.read() is not grpc.aio.EOF:
            pass
    return rpc.reason_of(caught.value)


async def test_only_so_many_are_served_and_who_takes_nothing_loses_its_place(
    folder: Path, maker: Maker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(update_service, "CALL_SECONDS", 2.0)
    node = await open_node(folder / "node", at_once=1)
    try:
        item = lay(node, maker, size=30_000_000)
        slow, other = [await new_machine(node, folder, maker, name) for name in ("slow", "other")]
        async with edge_channel(slow.who) as first, edge_channel(other.who) as second:
            held = reading(slow, item, first)
            await held.read()
            assert await refusal(reading(other, item, second)) == "updates_busy"

            async def has_a_place() -> bool:
                call = reading(other, item, second)
                try:
                    return bool((await call.read()).data)
                except grpc.aio.AioRpcError as error:
                    assert rpc.reason_of(error) == "updates_busy"
                    return False
                finally:
                    call.cancel()

            await until(has_a_place)
            assert await refusal(held) == "update_slow"
    finally:
        await node.close()


async def test_a_fetcher_that_comes_again_takes_its_own_place(folder: Path, maker: Maker):
    node = await open_node(folder / "node", at_once=1)
    try:
        item = lay(node, maker, size=30_000_000)
        machine = await new_machine(node, folder, maker)
        async with edge_channel(machine.who) as first, edge_channel(machine.who) as second:
            before = reading(machine, item, first)
            await before.read()
            again = reading(machine, item, second)
            assert (await again.read()).data
            assert await refusal(before) == "update_slow"
            again.cancel()
    finally:
        await node.close()


async def test_of_what_it_does_not_read_little_comes(folder: Path, maker: Maker):
    """A window that grows with what a line can carry filled the memory of a machine that was slow to take it."""
    node = await open_node(folder / "node", megabytes_per_second=1000)
    try:
        machine = await new_machine(node, folder, maker)
        item = lay(node, maker, size=60_000_000)
        path = edge_identity.folder_of(machine.settings.state_dir) / edge_identity.IDENTITY_FILE
        content = json.loads(path.read_text())
        async with far_line(int(content["gateway"].rpartition(":")[2]), 0.05) as line:
            path.write_text(json.dumps({**content, "gateway": f"127.0.0.1:{line.port}"}))
            async with asking.node(machine.settings) as there:
                pieces = there.read(asking.Offer(NEW, item.size, bytes.fromhex(item.sha256)), 0)
                read = 0
                while read < 30_000_000:
                    read += len(await anext(pieces))
                await line.rest()
                # Beside the window: pieces that are being put together, and what the line's own frames take.
                assert rpc.PIECE < line.brought - read < rpc.BULK_WINDOW + 2 * rpc.PIECE + read // 50
                await pieces.aclose()
    finally:
        await node.close()


async def test_one_call_brings_a_part_and_the_next_goes_on(
    node: Node, machine: Machine, maker: Maker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(update_service, "CALL_BYTES", 300_000)
    lay(node, maker, size=2_000_000)
    assert (await machine.run()).state == "ready"
    assert machine.place.bundle.read_bytes() == stored(node).read_bytes()


async def test_events_have_their_way_while_many_edges_fetch(folder: Path, maker: Maker, household: Household):
    node = await open_node(folder / "node", megabytes_per_second=3, at_once=4)
    try:
        await node.give_roster(household)
        lay(node, maker, size=2_000_000)
        machines = [await new_machine(node, folder, maker, f"edge{number}") for number in range(8)]
        fetching = [asyncio.create_task(machine.run()) for machine in machines]
        await until(lambda: sum(machine.part() is not None for machine in machines) >= 4)
        who = machines[0].who
        async with edge_channel(who) as channel:
            call = edge_stub(channel).SendEvents()
            for position in range(1, 51):
                event = signed(who, new_event(who, household.id))
                await call.write(edge_pb2.SendEventsRequest(position=position, event=event))
            acknowledged = 0
            while acknowledged < 50:
                answer = await call.read()
                assert isinstance(answer, edge_pb2.SendEventsResponse)
                acknowledged = answer.acknowledged
            call.cancel()
        assert not all(task.done() for task in fetching)
        assert {status.state for status in await asyncio.gather(*fetching)} == {"ready"}
    finally:
        await node.close()


@pytest.mark.parametrize(
    "asked",
    [
        {"software_version": "newest", "channel": "stable"},
        {"software_version": "", "channel": "stable"},
        {"software_version": "1.0.0", "channel": "Stable or not"},
        {"software_version": "1.0.0", "channel": ""},
    ],
)
async def test_who_asks_in_another_form_is_refused(node: Node, machine: Machine, asked: dict[str, str]):
    async with edge_channel(machine.who) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await edge_pb2_grpc.UpdateServiceStub(channel).OfferUpdate(
                edge_pb2.OfferUpdateRequest(**asked, kind="edge"), timeout=20
            )
    assert (caught.value.code(), rpc.reason_of(caught.value)) == (grpc.StatusCode.INVALID_ARGUMENT, "update_request")


async def test_a_catalogue_that_cannot_be_read_offers_nothing_and_the_rest_goes_on(
    node: Node, machine: Machine, maker: Maker
):
    lay(node, maker)
    (shelf.folder_of(node.settings.state_dir) / "catalogue.json").write_text('{"bundles": [1]}')
    status = await machine.run()
    assert (status.state, status.reason) == ("away", "updates_unavailable")
    async with edge_channel(machine.who) as channel:
        await edge_stub(channel).SendTelemetry(edge_pb2.SendTelemetryRequest(), timeout=20)
