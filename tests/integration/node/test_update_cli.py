"""`guardian node update` as an operator types it: what a node takes, and to whom it hands it on."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.integration.node.kit import Node, edge_channel, edge_stub, enrolled_edge
from tests.integration.node.test_cli import guardian
from tests.updating import Maker

from guardian.common import bundle
from guardian.contracts.edge.v1 import edge_pb2
from guardian.node.updates import shelf


@pytest.fixture
def maker(folder: Path) -> Maker:
    return Maker(folder / "maker")


class Operator:
    """At the node's shell."""

    def __init__(self, node: Node, folder: Path, maker: Maker) -> None:
        keys = maker.trusted_in(folder / "update-keys")
        section = node.settings.updates.model_copy(update={"keys": keys})
        self.settings = node.settings.model_copy(update={"updates": section})
        self.config = folder / "node.yaml"
        self.config.write_text(self.settings.model_dump_json())
        self.shelf = shelf.folder_of(self.settings.state_dir)

    async def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return await guardian("node", "update", *words, "--config", str(self.config))

    async def says(self, *words: str) -> dict[str, Any]:
        done = await self(*words, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def names(self) -> list[str]:
        return sorted(path.name for path in self.shelf.iterdir() if not path.name.startswith(".lock"))


@pytest.fixture
def operator(node: Node, folder: Path, maker: Maker) -> Operator:
    return Operator(node, folder, maker)


def stored_as(version: str) -> str:
    return shelf.file_name(version, bundle.kind_of("edge"))


async def test_a_version_is_brought_rolled_out_paused_and_taken_away(operator: Operator, maker: Maker):
    file = maker.make("9.0.0")
    added = await operator.says("add", str(file))
    assert (added["version"], added["channels"], added["paused"]) == ("9.0.0", {"stable": 10}, False)
    stored = operator.shelf / stored_as("9.0.0")
    assert stored.read_bytes() == file.read_bytes()
    assert stored.stat().st_mode & 0o777 == 0o640
    grown = await operator.says("rollout", "9.0.0", "--percent", "50")
    assert grown["channels"] == {"stable": 50}
    assert (await operator.says("rollout", "9.0.0", "--percent", "100", "--channel", "beta"))["channels"] == {
        "stable": 50,
        "beta": 100,
    }
    assert (await operator.says("pause", "9.0.0"))["paused"]
    assert "paused" in (await operator("list")).stdout
    assert not (await operator.says("rollout", "9.0.0", "--percent", "50"))["paused"]
    assert (await operator("remove", "9.0.0")).returncode == 0
    assert operator.names() == ["catalogue.json"]
    assert (await operator.says("list"))["bundles"] == []


async def test_the_list_says_how_many_edges_run_what(node: Node, operator: Operator, maker: Maker, folder: Path):
    await operator("add", str(maker.make("9.0.0")), "--percent", "100")
    edges = [await enrolled_edge(node, folder / name, name) for name in ("Hall", "Attic", "Shed")]
    for who, version in zip(edges, ("9.0.0", "0.2.0", "9.0.0"), strict=True):
        async with edge_channel(who) as channel:
            status = edge_pb2.EdgeStatus(software_version=version)
            await edge_stub(channel).SendTelemetry(edge_pb2.SendTelemetryRequest(status=status), timeout=20)
    listed = await operator.says("list")
    assert listed["edges"] == {"9.0.0": 2, "0.2.0": 1}
    assert listed["bundles"][0]["running"] == 2
    shown = (await operator("list")).stdout
    assert "100 % of stable" in shown and "3 of 3" in shown and "2 edges run 9.0.0." in shown


async def test_the_list_is_there_without_a_gateway(node: Node, operator: Operator, maker: Maker):
    await operator("add", str(maker.make("9.0.0")))
    await node.close()
    listed = await operator.says("list")
    assert [item["version"] for item in listed["bundles"]] == ["9.0.0"]
    assert "gateway does not answer" in listed["fault"]


async def test_an_edge_is_pinned_by_its_name_and_let_go(node: Node, operator: Operator, folder: Path):
    who = await enrolled_edge(node, folder / "edge", "Hall")
    assert "is in channel beta" in (await operator("pin", "Hall", "beta")).stdout
    assert (await operator.says("list"))["pins"] == {who.edge: "beta"}
    assert (await operator("pin", who.edge, "-")).returncode == 0
    assert (await operator.says("list"))["pins"] == {}
    assert "no such edge" in (await operator("pin", "Cellar", "beta")).stderr
    assert (await operator("pin", "Hall", "Not A Channel")).returncode != 0


def damaged(file: Path) -> Path:
    with file.open("r+b") as opened:
        opened.seek(-1, os.SEEK_END)
        byte = opened.read(1)[0]
        opened.seek(-1, os.SEEK_END)
        opened.write(bytes([byte ^ 1]))
    return file


async def test_what_is_not_to_be_had_is_refused_in_a_sentence_and_leaves_nothing(
    operator: Operator, maker: Maker, folder: Path
):
    stranger = Maker(folder / "stranger")
    longer = maker.make("9.2.0")
    with longer.open("ab") as opened:
        opened.write(b"more")
    shorter = maker.make("9.3.0")
    os.truncate(shorter, shorter.stat().st_size - 1)
    (folder / "text").write_text("not a bundle")
    for file, sentence in {
        stranger.make("9.0.0"): "Nobody who is trusted here",
        damaged(maker.make("9.1.0")): "damaged",
        longer: "damaged",
        shorter: "damaged",
        maker.make("9.4.0", kind="node"): "is of kind node",
        maker.make("9.5.0", kind="node-release"): "is of kind node-release",
        folder / "text": "no update",
        folder / "absent": "cannot be read",
        folder: "cannot be read",
    }.items():
        refused = await operator("add", str(file))
        assert refused.returncode != 0, file
        assert sentence in " ".join(refused.stderr.split()), (file, refused.stderr)
        assert "Traceback" not in refused.stderr
        assert operator.names() == []


async def test_a_version_never_changes(operator: Operator, maker: Maker):
    await operator.says("add", str(maker.make("9.0.0")))
    before = (operator.shelf / stored_as("9.0.0")).read_bytes()
    again = await operator("add", str(maker.make("9.0.0")))
    assert again.returncode != 0 and "is there already" in again.stderr
    assert (operator.shelf / stored_as("9.0.0")).read_bytes() == before
    for words in (("rollout", "9.9.9", "--percent", "5"), ("pause", "9.9.9"), ("remove", "9.9.9")):
        refused = await operator(*words)
        assert refused.returncode != 0 and "no version 9.9.9" in refused.stderr
    assert (await operator("rollout", "9.0.0", "--percent", "101")).returncode != 0


async def test_a_version_of_both_kinds_is_two_bundles_and_each_is_named(operator: Operator, maker: Maker):
    for kind in ("edge", "edge-release"):
        assert (await operator.says("add", str(maker.make("9.0.0", kind=kind))))["kind"] == kind
    assert operator.names() == ["9.0.0-edge-release.update", "9.0.0.update", "catalogue.json"]
    refused = await operator("pause", "9.0.0")
    assert refused.returncode != 0 and "of several kinds" in refused.stderr and "--kind" in refused.stderr
    grown = await operator.says("rollout", "9.0.0", "--percent", "70", "--kind", "edge-release")
    assert (grown["kind"], grown["channels"]) == ("edge-release", {"stable": 70})
    listed = await operator.says("list")
    assert {item["kind"]: item["channels"] for item in listed["bundles"]} == {
        "edge": {"stable": 10},
        "edge-release": {"stable": 70},
    }
    assert (await operator("remove", "9.0.0", "--kind", "edge")).returncode == 0
    assert operator.names() == ["9.0.0-edge-release.update", "catalogue.json"]
    # Now there is no doubt which is meant.
    assert (await operator.says("pause", "9.0.0"))["paused"]


async def test_without_a_key_nothing_is_taken(operator: Operator, maker: Maker):
    (operator.settings.updates.keys / "maker.pub").unlink()
    refused = await operator("add", str(maker.make("9.0.0")))
    assert refused.returncode != 0 and "no key" in refused.stderr


async def test_without_room_nothing_is_taken(operator: Operator, maker: Maker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shelf, "SPARE", 1 << 60)
    with shelf.writing(operator.shelf) as writer, pytest.raises(shelf.UpdateError) as caught:
        writer.add(maker.make("9.0.0"), [maker.public], {"stable": 10})
    assert caught.value.reason == "updates_disk_full"
    assert operator.names() == []


async def test_what_a_command_that_died_left_is_taken_away_by_the_next(operator: Operator, maker: Maker):
    process = await asyncio.to_thread(kill_while_adding, operator, maker.make("9.0.0", size=200_000_000))
    assert process == -9
    assert operator.names() == [f".{stored_as('9.0.0')}.new"]
    await operator.says("add", str(maker.make("9.1.0")))
    assert operator.names() == [stored_as("9.1.0"), "catalogue.json"]


def kill_while_adding(operator: Operator, file: Path) -> int:
    """Status of a command that is killed as soon as its copy has begun."""
    command = [sys.executable, "-c", "from guardian.cli.main import main; main()", "node", "update", "add", str(file)]
    with subprocess.Popen([*command, "--config", str(operator.config)], stderr=subprocess.DEVNULL) as process:
        while not list(operator.shelf.glob(".*.new")) and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        return process.wait()


async def test_one_command_at_a_time(operator: Operator, maker: Maker):
    with shelf.writing(operator.shelf):
        refused = await operator("pause", "9.0.0")
    assert refused.returncode != 0 and "Another command" in refused.stderr
