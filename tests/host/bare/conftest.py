"""Three bare hosts of a lab, and plays that must stop before they change anything (HOST=bare)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.host.runner import ROOT, Host, connect

NAMES = ("edge", "node", "control")
# What a look leaves behind: Ansible's scratch, the journal, caches of name look-ups.
SCRATCH = ("/root/.ansible", "/tmp", "/run", "/var/log", "/var/cache", "/var/tmp", "/proc", "/sys", "/dev")
MARK = "/run/before"


def pytest_ignore_collect(collection_path: Any, config: pytest.Config) -> bool | None:
    """These need bare hosts."""
    return None if os.environ.get("HOST") == "bare" else True


@dataclass(frozen=True)
class Refusal:
    """How a play ended: its status, all it said, and the files that were changed on any host."""

    status: int
    said: str
    changed: list[str]


@pytest.fixture(scope="session")
def bare() -> Iterator[dict[str, Host]]:
    """The hosts by name."""
    hosts = {name: connect(f"lab:{name}") for name in NAMES}
    yield hosts
    for host in hosts.values():
        host.close()


@pytest.fixture
def play(bare: dict[str, Host]) -> Callable[..., Refusal]:
    """Run site.yml, or another playbook, with variables laid over the lab's; what came of it."""

    def run(playbook: str = "site.yml", *words: str, **variables: Any) -> Refusal:
        for host in bare.values():
            host.run("touch", MARK)
        command = [sys.executable, "-m", "tools.lab", "play", playbook, *words, "-e", json.dumps(variables)]
        result = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600
        )
        changed = [f"{name}:{path}" for name, host in bare.items() for path in newer(host)]
        return Refusal(result.returncode, " ".join((result.stdout + result.stderr).split()), changed)

    return run


def newer(host: Host) -> list[str]:
    """Files and folders written since MARK, besides scratch."""
    pruned = [word for path in SCRATCH for word in ("-path", path, "-prune", "-o")]
    found = host.run("find", "/", "-xdev", *pruned, "-newer", MARK, "-print", timeout=120).lines
    return [path for path in found if path != "/root"]
