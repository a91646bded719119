"""A site that is whole is played once more: nothing changes, and `--check` says that nothing would."""

import asyncio

import pytest
from tests.host.site.household import Owner
from tests.host.site.together import play

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("words", [[], ["--check"]], ids=["for_real", "check"])
async def test_nothing_changes(owner: Owner, words: list[str]):
    again = await asyncio.to_thread(play, "site.yml", *words)
    assert again.returncode == 0, again.stdout[-6000:]
    recap = [line for line in again.stdout.splitlines() if "unreachable=" in line]
    assert len(recap) == 3
    assert [line for line in recap if "changed=0 " not in line] == []
