"""Each process of the running demo is killed with SIGKILL: no acknowledged event is lost, none shows twice."""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.demo_check import running
from tests.demo_check.program import ProgramOwner

from guardian.contracts.edge.v1 import edge_pb2
from guardian.vault import reader, roster_author

DAEMONS = {
    "edge": ("camera@front", "analyzer", "uplink"),
    "node": ("gateway", "relay", "agent"),
    "control": ("api", "agents"),
}


@pytest.fixture
async def demo(
    open_folder: Path, drawn_footage: Path, shapes_model: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[running.Demo]:
    """The whole product, its footage looping, no taps in between."""
    monkeypatch.setenv("GUARDIAN_MODEL__PATH", str(shapes_model))
    demo, arriving = await running.start(
        open_folder / "demo", ["--video", str(drawn_footage)], open_folder / "demo.log", tapped=False
    )
    try:
        demo.facts = await asyncio.wait_for(arriving, 120)
        yield demo
    finally:
        left = await running.stop(demo)
    assert left == {"status": 0, "processes": [], "ports": [], "sockets": []}


async def test_killing_any_process_loses_no_event_and_shows_none_twice(demo: running.Demo) -> None:
    async with ProgramOwner(demo.ui) as owner:
        await owner.log_in(demo.facts["email"], demo.facts["password"])
        await owner.create_vault()
        edge_id = await owner.confirm_edge()
        await wait_for_events(owner, 1)

        killed = []
        for tier, names in DAEMONS.items():
            for name in names:
                pid = (await health(demo, tier, name))["pid"]
                os.kill(pid, signal.SIGKILL)
                killed.append(name)
                assert (await health(demo, tier, name, not_pid=pid))["pid"] != pid
        known = len(await owner.events())
        await wait_for_events(owner, known + 2)

        shown = await settled(demo, owner)
        ids = [event["id"] for event in shown]
        assert len(ids) == len(set(ids)), "an event is shown twice"
        edge_events = edge_outbox(demo.folder)
        assert len(edge_events) >= known
        assert set(ids) == set(edge_events), f"after killing {killed} the control plane and the edge disagree"
        for event in shown:
            assert event["revision"] == edge_events[event["id"]].revision
        await assert_cut_clips_open(demo.folder, owner, edge_id, shown)


async def health(demo: running.Demo, tier: str, name: str, *, not_pid: int = 0) -> dict[str, Any]:
    """A daemon's health; after a kill, that of the process which took its place."""
    run_dir = Path(yaml.safe_load((demo.folder / f"{tier}.yaml").read_text())["run_dir"])
    for _ in range(300):
        try:
            transport = httpx.AsyncHTTPTransport(uds=str(run_dir / f"{name}.sock"))
            async with httpx.AsyncClient(transport=transport, timeout=2) as client:
                answer = (await client.get("http://daemon/health")).json()
            if answer["ready"] and answer["pid"] != not_pid:
                return dict(answer)
        except (httpx.HTTPError, OSError):
            pass
        await asyncio.sleep(0.1)
    raise AssertionError(f"{name} did not come back")


async def wait_for_events(owner: ProgramOwner, count: int) -> None:
    """Until the control plane shows so many."""
    for _ in range(600):
        try:
            if len(await owner.events()) >= count:
                return
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.2)
    raise AssertionError(f"fewer than {count} events came")


async def settled(demo: running.Demo, owner: ProgramOwner) -> list[dict[str, Any]]:
    """Stop the camera, let what is under way arrive, and return what is shown."""
    (demo.folder / "edge-cameras" / "front.yaml").unlink()
    os.kill((await health(demo, "edge", "analyzer"))["pid"], signal.SIGSTOP)
    before: list[dict[str, Any]] = []
    for _ in range(60):
        await asyncio.sleep(1)
        now = await owner.events()
        if now == before and {item["id"]: item["revision"] for item in now} == {
            key: value.revision for key, value in edge_outbox(demo.folder).items()
        }:
            break
        before = now
    os.kill((await health_pid(demo)), signal.SIGCONT)
    return before


async def health_pid(demo: running.Demo) -> int:
    """The stopped analyzer cannot answer: its pid is the one whose command line names it."""
    for line in running.processes_of(demo.folder):
        if "guardian-analyzer" in line:
            return int(line.split()[0])
    raise AssertionError("the analyzer is gone")


def edge_outbox(folder: Path) -> dict[str, edge_pb2.Event]:
    """The newest revision of each event the edge holds as durable."""
    database = folder / "edge" / "analyzer" / "events.db"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT event FROM outbox ORDER BY position").fetchall()
    events = [edge_pb2.Event.FromString(row[0]) for row in rows]
    return {event.id: event for event in sorted(events, key=lambda item: item.revision)}


async def assert_cut_clips_open(folder: Path, owner: ProgramOwner, edge_id: str, shown: list[dict[str, Any]]) -> None:
    """The recorder that was killed left a clip that opens up to its last whole part and is marked truncated."""
    epochs = roster_author.open_epochs(owner.chain, owner.author)
    states = {}
    for path in (folder / "edge" / "cameras").rglob("*.sealed"):
        with reader.FileSource(path) as source:
            sealed = reader.open_object(source, owner.chain, epochs, edge=edge_id)
            assert sum(len(part) for part in sealed.content()) > 0
            states[sealed.header.prefix.object_id] = sealed.state
    truncated = {key for key, state in states.items() if state == "truncated"}
    assert truncated, f"no clip was cut by killing the recorder: {json.dumps(states)}"
    marked = {item["id"] for event in shown for item in event["objects"] if item["truncated"]}
    assert marked & truncated
