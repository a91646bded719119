"""A release that an edge takes from its node, and one that is broken: the edge itself stays with it, or goes back."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.host.runner import ROOT, Host
from tests.host.site.household import Owner, until
from tests.host.site.together import play, running, version
from tools.lab.places import SUPPLIES

pytestmark = pytest.mark.asyncio(loop_scope="session")
# On the hosts, /srv/guardian.
UPDATES = SUPPLIES / "updates"
NEXT, BROKEN = "0.3.0.dev1", "0.3.0.dev3"
# The Python of Debian 12.
PYTHON = "3.11"


@pytest.fixture(scope="module")
def bundles(edge: Host, node: Host) -> Path:
    """What `make release-bundle` makes of the next release and of a broken one; both hosts trust its maker."""
    UPDATES.mkdir(exist_ok=True)
    key = UPDATES / "maker.key"
    key.unlink(missing_ok=True)
    command = [sys.executable, "-c", "from guardian.cli.main import main; main()", "image", "key", str(key)]
    public = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    (UPDATES / "maker.pub").write_text(public)
    for name in ("next", "broken-analyzer"):
        release = str((SUPPLIES / "releases" / name).resolve())
        words = ["--tier", "edge", "--python", PYTHON, "--sign-key", str(key), "--into", str(UPDATES)]
        command = [sys.executable, "-m", "tools.releasing.bundle", release, *words]
        subprocess.run(command, cwd=ROOT, check=True)
    key.unlink()
    node.run("install", "-D", "-m", "644", "/srv/guardian/updates/maker.pub", "/etc/guardian/update-keys/maker.pub")
    return UPDATES


def history(edge: Host) -> list[tuple[str, str]]:
    """Versions and outcomes, newest first."""
    return [
        (past["version"], past["outcome"])
        for past in json.loads(edge.run("guardian", "update", "history", "--json").out)
    ]


async def test_a_play_lays_the_keys_and_the_edge_asks_its_node(edge: Host, bundles: Path):
    await asyncio.to_thread(converge, bundles)
    assert edge.run("systemctl", "is-active", "guardian-update.timer", "guardian-release-apply.path").lines == [
        "active",
        "active",
    ]
    edge.run("guardian", "update", "check", timeout=120)
    assert json.loads(edge.read("/var/lib/guardian/update/state.json") or "{}")["state"] == "none"


async def test_the_next_release_comes_over_the_tunnel_and_stays(owner: Owner, edge: Host, node: Host, bundles: Path):
    before = version(edge)
    name = f"/srv/guardian/updates/guardian-edge-release-{NEXT}.update"
    node.run("guardian", "node", "update", "add", name, "--percent", "100", timeout=300)
    assert "handed over" in edge.run("guardian", "update", "apply", timeout=600).out

    async def judged() -> bool:
        return bool(history(edge))

    assert await until("what became of it", judged, 600)
    assert history(edge) == [(NEXT, "good")]
    assert (version(edge), running(edge)) == (NEXT, {NEXT})
    status = json.loads(edge.run("guardian", "update", "status", "--json").out)
    assert (status["running"], status["trial"], status["releases"]["previous"]) == (NEXT, "", before)
    seen = {item["id"] for item in await owner.events()}

    async def more() -> bool:
        return bool({item["id"] for item in await owner.events()} - seen)

    assert await until("an event made since", more, 180)


async def test_a_play_with_an_older_release_leaves_the_newer_in_force(edge: Host, bundles: Path):
    await asyncio.to_thread(converge, bundles)
    assert (version(edge), running(edge)) == (NEXT, {NEXT})


async def test_a_release_whose_analyzer_is_broken_is_left_by_the_edge_itself(owner: Owner, edge: Host, bundles: Path):
    name = f"/srv/guardian/updates/guardian-edge-release-{BROKEN}.update"
    ended = edge.try_run("guardian", "update", "apply", name, timeout=900)
    assert ended.status == 1
    assert "guardian-analyzer.service" in ended.err
    assert history(edge)[0] == (BROKEN, "unhealthy")
    assert (version(edge), running(edge)) == (NEXT, {NEXT})
    assert edge.describe("/opt/guardian/unfinished.json", "/opt/guardian/judge") == [None, None]
    again = edge.try_run("guardian", "update", "apply", name, timeout=300)
    assert again.status == 1 and "was tried here and left" in again.err

    async def well() -> bool:
        return edge.try_run("guardian", "status").status == 0

    assert await until("all is well", well, 120)


async def test_a_host_that_is_switched_off_while_one_is_tried_goes_on_by_itself(edge: Host, bundles: Path):
    """The links are turned and nobody has judged: as a cut leaves it, the judge of the next start finds it."""
    good = version(edge)
    name = f"/srv/guardian/updates/guardian-edge-release-{BROKEN}.update"
    edge.run("guardian", "update", "apply", name, "--force", "--no-restart", timeout=900)
    edge.run("ln", "-sfn", f"releases/{BROKEN}", "/opt/guardian/current")
    # What the target starts when the host starts.
    edge.run("systemctl", "start", "--no-block", "guardian-release-judge.service")

    async def judged() -> bool:
        return edge.describe("/opt/guardian/unfinished.json") == [None]

    assert await until("what became of it", judged, 600)
    assert (version(edge), history(edge)[0]) == (good, (BROKEN, "unhealthy"))


def converge(bundles: Path) -> None:
    """The edge's play, with the release that the site was made with."""
    ended = play("playbooks/edge.yml", guardian_update_keys=[str(bundles / "maker.pub")])
    assert ended.returncode == 0, ended.stdout[-6000:]
