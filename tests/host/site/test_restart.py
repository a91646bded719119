"""The API is restarted while browsers ask it: its socket stays with systemd, and nobody is refused."""

import asyncio

import pytest
from tests.host.runner import Host
from tests.host.site.household import Owner
from tests.host.site.load import Load

pytestmark = pytest.mark.asyncio(loop_scope="session")
API = "guardian-api.service"
TIMES = 5


async def test_five_restarts_of_the_api_refuse_nobody(owner: Owner, control: Host):
    lives = {pid(control)}
    async with Load(owner) as load:
        for _ in range(TIMES):
            before = load.answered
            await asyncio.to_thread(control.run, "systemctl", "restart", API)
            lives.add(pid(control))
            # Each of the restarts has calls of its own.
            async with asyncio.timeout(30):
                while load.answered < before + 10:
                    await asyncio.sleep(0.1)
    assert len(lives) == TIMES + 1
    assert load.refused == []


def pid(control: Host) -> str:
    """The API's process."""
    return control.run("systemctl", "show", "--property=MainPID", "--value", API).out.strip()
