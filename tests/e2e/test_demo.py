"""The whole product, from the command to the browser, on footage and a detector that the project makes itself."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from tests.demo_check.__main__ import Check, search

from guardian.cli.demo.footage import Footage


@pytest.mark.timeout(420)
async def test_from_camera_to_browser_and_no_clear_picture_anywhere(
    open_folder: Path, drawn: Footage, monkeypatch: pytest.MonkeyPatch, shapes_model: Path
) -> None:
    monkeypatch.setenv("GUARDIAN_MODEL__PATH", str(shapes_model))
    check = Check(drawn, str(drawn.video), open_folder / "check")
    verdict = await check.run()
    assert verdict.holds(), verdict.line()

    # The search is no ornament: one clear clip among the node's files, or one fragment in base64, and it fails.
    clip = next((check.state / "edge" / "cameras").rglob("*.sealed"))
    clear = check.open_one(clip)
    planted = check.state / "node" / "relay-cache.bin"
    planted.write_bytes(b"\0" * 1000 + clear)
    leaks, _, found = await asyncio.to_thread(search, check.state, check.captures, check.roster, check.slots)
    assert leaks > 0
    assert {leak.where for leak in found} == {str(planted)}
    planted.unlink()


def test_killing_the_command_leaves_nothing_behind(open_folder: Path) -> None:
    """`kill -9` of the demo itself: the kernel takes everything it started with it."""
    from tests.demo_check.killing import killed_demo_leaves

    assert killed_demo_leaves(open_folder / "demo") == {"processes": [], "ports": [], "shared_memory": []}


def test_help_says_what_the_demo_takes() -> None:
    shown = subprocess.run(["guardian", "demo", "--help"], capture_output=True, text=True, check=True).stdout
    for option in ("--camera", "--video", "--state-dir"):
        assert option in shown
