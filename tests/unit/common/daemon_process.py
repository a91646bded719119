"""A daemon for test_lifecycle.py, started as a process of its own; what it does stands in its configuration."""

import asyncio
from pathlib import Path
from typing import Literal

from guardian.common.config import Section
from guardian.common.errors import PeerError
from guardian.common.lifecycle import Service, daemon


class Settings(Section):
    """What a tier's configuration has, and how to behave."""

    state_dir: Path
    run_dir: Path
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    manner: Literal["good", "deaf", "failing", "crashing"] = "good"
    greeting: str = "hello"


async def run(service: Service[Settings]) -> None:
    """Work until told to stop."""
    if service.settings.manner == "failing":
        raise PeerError("The peer refused us.", reason="peer_refused", hint="Ask it why.")
    if service.settings.manner == "crashing":
        raise RuntimeError("a fault of ours")
    service.health.set("peer", "waiting", "The peer is away.", reason="away")
    service.ready()
    service.status(service.settings.greeting)

    async def take(settings: Settings) -> None:
        service.status(settings.greeting)

    service.on_reload = take
    while service.settings.manner == "deaf" or not service.stopping.is_set():
        service.progressed()
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    daemon("sample", Settings, run, description="For tests.", default_config="sample.yaml", fixed=("manner",))
