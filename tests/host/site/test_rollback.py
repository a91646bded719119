"""The upgraded site goes back to the release before."""

import asyncio

import pytest
from tests.host.runner import Host
from tests.host.site.household import Owner, until
from tests.host.site.load import Load
from tests.host.site.together import Watch, all_there, made, none_twice, note, play, version

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_site_goes_back_to_the_release_before(owner: Owner, edge: Host, node: Host, control: Host):
    assert {version(host) for host in (edge, node, control)} == {"0.3.0.dev1"}
    seen = {item["id"] for item in await owner.events()}
    with Watch(edge, "camera@front") as recording, Watch(edge, "analyzer") as detecting:
        async with Load(owner) as load:
            ended = await asyncio.to_thread(play, "playbooks/rollback.yml")
    note(
        rollback_recording_away=recording.seconds,
        rollback_detection_away=detecting.seconds,
        rollback_api_calls=load.answered,
    )
    assert ended.returncode == 0, ended.stdout[-6000:]
    assert (load.refused, load.answered > 100) == ([], True)
    assert len({version(host) for host in (edge, node, control)} - {"0.3.0.dev1"}) == 1

    async def more() -> bool:
        return bool({item["id"] for item in await owner.events()} - seen)

    assert await until("an event made since", more, 120)
    every = made(edge)
    assert every & seen
    assert await until("every event that the edge made arrives", lambda: all_there(owner, every | seen), 120)
    assert await none_twice(owner)
