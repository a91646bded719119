"""The agent's watchdog rests on the control plane's answers, or on tries that fail for a cause: not on its own loop."""

import asyncio
from pathlib import Path

import pytest

from guardian.common.dialling import Line
from guardian.common.errors import PeerError
from guardian.common.lifecycle import Service
from guardian.node.agent import main
from guardian.node.config import NodeConfig


class Counting(Service[NodeConfig]):
    petted = 0

    def progressed(self) -> None:
        self.petted += 1


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setattr(main, "STUCK_SECONDS", 0.3)
    monkeypatch.setattr(main, "_REFRESH_SECONDS", 0.02)
    settings = NodeConfig(state_dir=tmp_path, run_dir=tmp_path)
    return Counting("agent", settings, tmp_path, lambda: settings)


async def pets(agent: Counting, seconds: float) -> int:
    before = agent.petted
    await asyncio.sleep(seconds)
    return agent.petted - before


async def test_a_line_that_hangs_is_left_to_the_watchdog_and_one_that_says_why_is_not(agent: Counting) -> None:
    line = Line("reports", "control plane", agent.health, agent.stopping)
    reporting = asyncio.create_task(main.report(agent, line))
    line.up("It works.")
    assert await pets(agent, 0.1) > 0
    await asyncio.sleep(0.3)
    assert await pets(agent, 0.1) == 0
    line.down(PeerError("The control plane cannot be reached.", reason="peer_away"))
    assert await pets(agent, 0.1) > 0
    assert agent.health.status == "waiting for the control plane"
    reporting.cancel()
