"""Each process of the running demo is killed with SIGKILL: no acknowledged event is lost, none shows twice."""

import asyncio
import contextlib
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


@pytest.mark.timeout(400)
async def test_killing_any_process_loses_no_event_and_shows_none_twice(demo: running.Demo) -> None:
    async with ProgramOwner(demo.ui) as owner:
        await owner.log_in(demo.facts["email"], demo.facts["password"])
        await owner.create_vault()
        edge_id = await owner.confirm_edge()
        await wait_for_events(owner, 1)
        await recorded_for(demo.folder, 3.0)

        killed = []
        for tier, names in DAEMONS.items():
            for name in names:
                pid = (await health(demo, tier, name))["pid"]
                os.kill(pid, signal.SIGKILL)
                killed.append(name)
                assert (await health(demo, tier, name, not_pid=pid))["pid"] != pid
        for pattern in ("bin/postgres -D", "tools/camera/serve.py"):
            pid = process(demo.folder, pattern)
            os.kill(pid, signal.SIGKILL)
            killed.append(pattern)
            await came_back(demo.folder, pattern, pid)
        known = len(await events_after_restart(owner))
        await wait_for_events(owner, known + 2)

        shown, held = await settled(demo, owner)
        ids = [event["id"] for event in shown]
        assert len(ids) == len(set(ids)), "an event is shown twice"
        assert len(held) >= known
        assert set(ids) == set(held), f"after killing {killed} the control plane and the edge disagree"
        for event in shown:
            assert event["revision"] == held[event["id"]].revision
        await assert_cut_clips_open(demo.folder, owner, edge_id, shown)


async def health(demo: running.Demo, tier: str, name: str, *, not_pid: int = 0) -> dict[str, Any]:
    """A daemon's health; after a kill, that of the process which took its place."""
    run_dir = Path(yaml.safe_load((demo.folder / f"{tier}.yaml").read_text())["run_dir"])
    for _ in range(300):
        try:
            transport = httpx.AsyncHTTPTransport(uds=str(run_dir / name / "health.sock"))
            async with httpx.AsyncClient(transport=transport, timeout=2) as client:
                answer = (await client.get("http://daemon/health")).json()
            if answer["ready"] and answer["pid"] != not_pid:
                return dict(answer)
        except (httpx.HTTPError, OSError):
            pass
        await asyncio.sleep(0.1)
    raise AssertionError(f"{name} did not come back")


def process(folder: Path, pattern: str) -> int:
    """The demo's process whose command line holds the pattern; 0 when there is none."""
    return next((int(line.split()[0]) for line in running.processes_of(folder) if pattern in line), 0)


async def came_back(folder: Path, pattern: str, killed: int) -> None:
    """Until another process has taken its place."""
    for _ in range(300):
        if process(folder, pattern) not in (0, killed):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{pattern} did not come back")


async def events_after_restart(owner: ProgramOwner) -> list[dict[str, Any]]:
    """The events, as soon as the API answers again."""
    for _ in range(300):
        try:
            return await owner.events()
        except httpx.HTTPError:
            await asyncio.sleep(0.1)
    raise AssertionError("the API did not find its database again")


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


async def settled(demo: running.Demo, owner: ProgramOwner) -> tuple[list[dict[str, Any]], dict[str, edge_pb2.Event]]:
    """What is shown, as soon as it is all that the edge holds: a new event is always about to come."""
    shown: list[dict[str, Any]] = []
    for _ in range(240):
        held = edge_events(demo.folder)
        expected = {key: event.revision for key, event in held.items()}
        shown = await owner.events()
        if {item["id"]: item["revision"] for item in shown} == expected:
            return shown, held
        await asyncio.sleep(0.25)
    raise AssertionError(f"the edge holds {expected}, the control plane shows {shown}")


def edge_events(folder: Path) -> dict[str, edge_pb2.Event]:
    """The newest revision of each event the edge holds as durable."""
    rows = query(folder / "edge" / "analyzer" / "events.db", "SELECT message FROM events")
    return {event.id: event for event in (edge_pb2.Event.FromString(row[0]) for row in rows)}


def query(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of another process's store, read only."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


async def recorded_for(folder: Path, seconds: float) -> None:
    """Until the open clip is so long."""
    index = folder / "edge" / "cameras" / "front" / "index.db"
    for _ in range(600):
        rows = query(index, "SELECT start, \"end\" FROM clips WHERE state = 'open'") if index.exists() else []
        if any(end - start >= seconds for start, end in rows if end is not None):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"no clip of {seconds} s is being recorded")


async def assert_cut_clips_open(folder: Path, owner: ProgramOwner, edge_id: str, shown: list[dict[str, Any]]) -> None:
    """The recorder that was killed left a clip that opens up to its last whole part, and its events say it is cut."""
    epochs = roster_author.open_epochs(owner.chain, owner.author)
    rows = query(folder / "edge" / "cameras" / "front" / "index.db", "SELECT object_id, path, state FROM clips")
    cut = {object_id: path for object_id, path, state in rows if state == "truncated"}
    assert cut, f"no clip was cut by killing the recorder: {rows}"
    for object_id, path in cut.items():
        with reader.FileSource(folder / "edge" / "cameras" / "front" / path) as source:
            sealed = reader.open_object(source, owner.chain, epochs, edge=edge_id)
            assert sealed.header.prefix.object_id == object_id
            assert sealed.state == "truncated"
            assert len(list(sealed.content())) >= 3
    marked = {item["id"] for event in shown for item in event["objects"] if item["truncated"]}
    assert marked & set(cut), f"cut {sorted(cut)}, but events say so of {sorted(marked)}"
