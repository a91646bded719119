"""How hosts are run by `systemctl`: what status says, and what reload takes and refuses."""

import asyncio
import re
import time

import pytest
from tests.host.runner import Host
from tests.host.site.household import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
CONFIGURATION = "/etc/guardian/edge.yaml"
CAMERA = re.compile(r"\d+\.\d fps, (recording, last second durable \d+\.\d s ago|.+), last event person \d\d:\d\d")


async def test_a_cameras_status_is_a_sentence(edge: Host):
    async def said() -> bool:
        return bool(CAMERA.fullmatch(shown(edge, "guardian-camera@front", "StatusText")))

    assert await until("frames, the last durable second and the last event", said, 120)


@pytest.mark.parametrize("unit", ["guardian-camera@front", "guardian-analyzer", "guardian-uplink", "guardian-tunnel"])
async def test_a_wrong_configuration_is_refused_and_the_old_one_goes_on(edge: Host, unit: str):
    before, text = shown(edge, unit, "MainPID"), edge.read(CONFIGURATION) or ""
    edge.run("cp", "-a", CONFIGURATION, f"{CONFIGURATION}.kept")
    began = time.time()
    try:
        edge.run("tee", CONFIGURATION, text=text + "\nnonsense: 1\n")
        answer = edge.try_run("systemctl", "reload", unit)
        assert answer.status != 0
        assert await until("the daemon says so", lambda: logged(edge, unit, "config_refused", began), 20)
    finally:
        edge.run("mv", "-f", f"{CONFIGURATION}.kept", CONFIGURATION)
    edge.run("systemctl", "reload", unit)
    assert await until("the right one is taken", lambda: logged(edge, unit, "config_reloaded", began), 20)
    assert (shown(edge, unit, "MainPID"), shown(edge, unit, "ActiveState")) == (before, "active")


async def logged(host: Host, unit: str, event: str, since: float) -> bool:
    """Whether the unit logged it."""
    words = ("journalctl", "-q", "-o", "cat", "-u", unit, f"--since=@{since:.0f}", "--no-pager")
    return event in (await asyncio.to_thread(host.run, *words)).out


def shown(host: Host, unit: str, name: str) -> str:
    """One property of a unit."""
    return host.run("systemctl", "show", "--value", f"--property={name}", unit).out.strip()
