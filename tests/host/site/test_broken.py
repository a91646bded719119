"""Upgrades that do not end well: a release that is broken on purpose, a play that is killed halfway.

Whoever is not well goes back by itself, nobody else is touched, and a second run repairs what the first one left.
"""

import asyncio
import subprocess

import pytest
from tests.host.runner import Host
from tests.host.site.household import Owner, until
from tests.host.site.together import play, play_until_turned, running, version

pytestmark = pytest.mark.asyncio(loop_scope="session")
UPGRADE, ROLLBACK = "playbooks/upgrade.yml", "playbooks/rollback.yml"
RELEASES = "/srv/guardian/releases"
NEXT, BROKEN_API, BROKEN_ANALYZER = "0.3.0.dev1", "0.3.0.dev2", "0.3.0.dev3"
API = {"python_release_wheelhouse": f"{RELEASES}/broken-api", "upgrade_seconds": 20}


async def test_a_control_plane_whose_api_is_broken_goes_back_by_itself(
    owner: Owner, edge: Host, node: Host, control: Host
):
    before = [version(host) for host in (control, node, edge)]
    ended = await asyncio.to_thread(play, UPGRADE, **API)
    went_back(ended, control, BROKEN_API, before[0], "guardian-api.service")
    assert [version(host) for host in (control, node, edge)] == before
    assert (await owner.http.get("/health/ready")).status_code == 200
    # It was to be the next one's turn there.
    assert all(staged(host, BROKEN_API) for host in (node, edge))


async def test_a_run_killed_with_a_broken_release_in_force_is_taken_back_by_the_second(owner: Owner, control: Host):
    before = version(control)
    await asyncio.to_thread(play_until_turned, control, UPGRADE, upgrade_hosts="control", **API)
    assert (version(control), running(control)) == (BROKEN_API, {before})
    ended = await asyncio.to_thread(play, UPGRADE, upgrade_hosts="control", **API)
    went_back(ended, control, BROKEN_API, before, "guardian-api.service")
    assert (await owner.http.get("/health/ready")).status_code == 200


async def test_a_run_killed_with_a_good_release_in_force_is_finished_by_the_second(owner: Owner, control: Host):
    before = version(control)
    given = {"upgrade_hosts": "control", "python_release_wheelhouse": f"{RELEASES}/next"}
    await asyncio.to_thread(play_until_turned, control, UPGRADE, **given)
    assert (version(control), running(control)) == (NEXT, {before})
    ended = await asyncio.to_thread(play, UPGRADE, **given)
    assert ended.returncode == 0, ended.stdout[-6000:]
    assert (version(control), running(control), noted(control)) == (NEXT, {NEXT}, False)
    assert (await owner.http.get("/health/ready")).status_code == 200


async def test_a_way_back_that_was_killed_is_finished_by_the_second_run(owner: Owner, control: Host):
    await asyncio.to_thread(play_until_turned, control, ROLLBACK, rollback_hosts="control")
    before = version(control)
    assert (before != NEXT, running(control)) == (True, {NEXT})
    ended = await asyncio.to_thread(play, ROLLBACK, rollback_hosts="control")
    assert ended.returncode == 0, ended.stdout[-6000:]
    # Not forward again, though the link of the release before names that one now.
    assert (version(control), running(control), noted(control)) == (before, {before}, False)
    assert (await owner.http.get("/health/ready")).status_code == 200


async def test_an_edge_whose_analyzer_is_broken_goes_back_by_itself(owner: Owner, edge: Host):
    before = version(edge)
    seen = {item["id"] for item in await owner.events()}
    ended = await asyncio.to_thread(
        play,
        UPGRADE,
        python_release_wheelhouse=f"{RELEASES}/broken-analyzer",
        upgrade_hosts="edge",
        upgrade_seconds=20,
    )
    went_back(ended, edge, BROKEN_ANALYZER, before, "guardian-analyzer.service failed because a timeout was exceeded")

    async def more() -> bool:
        return bool({item["id"] for item in await owner.events()} - seen)

    assert await until("an event made since", more, 120)


def went_back(ended: "subprocess.CompletedProcess[str]", host: Host, release: str, before: str, fault: str) -> None:
    """The play tried the release, and failed with what was wrong, the host being as before."""
    words = " ".join(ended.stdout.split())
    assert ended.returncode != 0
    assert f"{host.name.removeprefix('lab:')} was not well with {release} and is back on {before}" in words, (
        ended.stdout[-6000:]
    )
    assert fault in words.partition("What was wrong: ")[2], ended.stdout[-6000:]
    assert staged(host, release)
    assert (version(host), running(host), noted(host)) == (before, {before}, False)


def staged(host: Host, release: str) -> bool:
    """Whether it is installed there."""
    return host.describe(f"/opt/guardian/releases/{release}/installed.json") != [None]


def noted(host: Host) -> bool:
    """Whether a play is not finished there."""
    return host.describe("/opt/guardian/unfinished.json") != [None]
