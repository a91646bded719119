"""Going back: on request, and by itself from releases that are broken on purpose."""

import asyncio

import pytest
from tests.host.runner import Host
from tests.host.site.household import Owner, until
from tests.host.site.load import Load
from tests.host.site.together import Watch, none_twice, note, play

pytestmark = pytest.mark.asyncio(loop_scope="session")
RELEASES = "/srv/guardian/releases"


def version(host: Host) -> str:
    """The release in force."""
    return host.run("readlink", "/opt/guardian/current").out.strip().rpartition("/")[2]


async def test_the_site_goes_back_to_the_release_before(owner: Owner, edge: Host, node: Host, control: Host):
    assert {version(host) for host in (edge, node, control)} == {"0.3.0.dev1"}
    seen = {item["id"] for item in await owner.events()}
    with Watch(edge, "camera@front") as recording, Watch(edge, "analyzer") as detecting:
        async with Load(owner.base) as load:
            ended = await asyncio.to_thread(play, "playbooks/rollback.yml")
    assert ended.returncode == 0, ended.stdout[-6000:]
    assert load.refused == []
    assert len({version(host) for host in (edge, node, control)} - {"0.3.0.dev1"}) == 1

    async def more() -> bool:
        return bool({item["id"] for item in await owner.events()} - seen)

    assert await until("an event made since", more, 120)
    assert seen <= {item["id"] for item in await owner.events()}
    assert await none_twice(owner)
    note(rollback_recording_away=recording.seconds, rollback_detection_away=detecting.seconds)


async def test_a_control_plane_whose_api_is_broken_goes_back_by_itself(
    owner: Owner, edge: Host, node: Host, control: Host
):
    before = [version(host) for host in (control, node, edge)]
    ended = await asyncio.to_thread(
        play, "playbooks/upgrade.yml", python_release_wheelhouse=f"{RELEASES}/broken-api", upgrade_seconds=20
    )
    assert ended.returncode != 0
    assert [version(host) for host in (control, node, edge)] == before
    assert (await owner.http.get("/health/ready")).status_code == 200
    assert control.try_run("systemctl", "is-active", "guardian-api.service").out.strip() == "active"


async def test_an_edge_whose_analyzer_is_broken_goes_back_by_itself(owner: Owner, edge: Host):
    before = version(edge)
    seen = {item["id"] for item in await owner.events()}
    ended = await asyncio.to_thread(
        play,
        "playbooks/upgrade.yml",
        python_release_wheelhouse=f"{RELEASES}/broken-analyzer",
        upgrade_hosts="edge",
        upgrade_seconds=20,
    )
    assert ended.returncode != 0
    assert version(edge) == before

    async def more() -> bool:
        return bool({item["id"] for item in await owner.events()} - seen)

    assert await until("an event made since", more, 120)
