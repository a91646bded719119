"""Releases that are broken on purpose: whoever is not well with one goes back by itself, nobody else is touched."""

import asyncio

import pytest
from tests.host.runner import Host
from tests.host.site.household import Owner, until
from tests.host.site.together import play, version

pytestmark = pytest.mark.asyncio(loop_scope="session")
RELEASES = "/srv/guardian/releases"


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
