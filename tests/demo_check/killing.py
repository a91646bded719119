"""What remains after the demo's own process is killed with SIGKILL."""

import asyncio
import time
from pathlib import Path

from tests.demo_check import running


def killed_demo_leaves(folder: Path) -> dict[str, list[str]]:
    """Start, wait until it is up, kill it, and list what is still there ten seconds later at most."""
    return asyncio.run(_run(folder))


async def _run(folder: Path) -> dict[str, list[str]]:
    before = set(_shared_memory())
    demo, arriving = await running.start(folder, ["--camera-after-vault"], folder.with_suffix(".log"), tapped=False)
    await asyncio.wait_for(arriving, 180)
    started = running.processes_of(folder)
    if len(started) < 8:
        raise AssertionError(f"only {len(started)} processes were found, so their end would prove nothing")
    demo.process.kill()
    await demo.process.wait()
    left: dict[str, list[str]] = {}
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = {
            "processes": running.processes_of(folder),
            "ports": running.listening(demo.ports),
            "shared_memory": sorted(set(_shared_memory()) - before),
        }
        if not any(left.values()):
            break
        await asyncio.sleep(0.2)
    return left


def _shared_memory() -> list[str]:
    """System V segments: PostgreSQL makes one, and only a clean or an immediate stop removes it."""
    return [line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
