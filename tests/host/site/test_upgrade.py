"""A site at work gets the next release: migrations, another protocol field, an edge with events it has not sent."""

import asyncio
import json

import pytest
from tests.host.runner import Host
from tests.host.site.household import Owner, until
from tests.host.site.load import Load
from tests.host.site.together import (
    Watch,
    all_there,
    made,
    none_twice,
    note,
    play,
    plug,
    version,
    waiting,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
NEXT = "/srv/guardian/releases/next"


async def test_the_next_release_is_put_in_force_and_nobody_misses_anything(
    owner: Owner, edge: Host, node: Host, control: Host
):
    plug("out")
    try:
        unsent = await until("an event that cannot be sent", lambda: unsent_of(edge), 120)
        # From then on it is no fault of a release that the node is not reached.
        await until("the edge says that its line is down", lambda: says_so(edge), 120)
        with Watch(edge, "camera@front") as recording, Watch(edge, "analyzer") as detecting:
            async with Load(owner) as load:
                ended = await asyncio.to_thread(play, "playbooks/upgrade.yml", python_release_wheelhouse=NEXT)
    finally:
        plug("in")
    note(
        upgrade_recording_away=recording.seconds,
        upgrade_detection_away=detecting.seconds,
        upgrade_api_calls=load.answered,
    )
    assert ended.returncode == 0, ended.stdout[-6000:]
    assert (load.refused, load.answered > 100) == ([], True)
    for host in (edge, node, control):
        assert version(host) == "0.3.0.dev1"
    every = made(edge)
    assert unsent <= every
    assert await until("every event that the edge made arrives", lambda: all_there(owner, every), 120)
    assert await none_twice(owner)


async def test_what_the_next_release_adds_comes_through(owner: Owner, control: Host):
    async def told() -> bool:
        rows = control.run("runuser", "-u", "postgres", "--", "psql", "-qAt", "guardian", "-c", UPTIME).lines
        return bool(rows) and int(rows[0]) > 0

    assert await until("the edge's uptime reaches the control plane", told, 120)


async def test_a_second_run_changes_nothing():
    again = await asyncio.to_thread(play, "playbooks/upgrade.yml", python_release_wheelhouse=NEXT)
    assert again.returncode == 0, again.stdout[-6000:]
    assert all("changed=0 " in line for line in again.stdout.splitlines() if "unreachable=" in line)


async def says_so(edge: Host) -> bool:
    """Whether the edge knows that its tunnel ends nowhere."""
    said = json.loads((await asyncio.to_thread(edge.try_run, "guardian", "status", "--json")).out)
    (tunnel,) = (item for item in said["daemons"] if item["service"] == "tunnel")
    return any(part["state"] != "ok" for part in tunnel["dependencies"].values())


async def unsent_of(edge: Host) -> set[str]:
    """Events in the outbox."""
    return await asyncio.to_thread(waiting, edge)


UPTIME = "SELECT max(uptime_seconds) FROM edges"
