"""`guardian selfcheck`: would this installation's daemons start here? Asked before a release is put in force."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Annotated

import typer

from guardian.cli.places import STATE_DIR, SYSTEM, TIERS, read_place
from guardian.common.errors import GuardianError

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
_SECONDS = 60
# Started once for each camera there is, by its name.
_CAMERA = "guardian-camera"
# Below the state directory; each with its migrations.
_STORES = {
    "edge": {
        "cameras/*/index.db": "guardian.edge.camera:migrations",
        "analyzer/events.db": "guardian.edge.events:migrations",
        "uplink/uplink.db": "guardian.edge.uplink:migrations",
    },
    "node": {"gateway/node.db": "guardian.node.gateway:migrations", "agent/agent.db": "guardian.node.agent:migrations"},
}


@dataclass(frozen=True)
class Daemon:
    """A console script of this installation."""

    name: str
    module: str
    function: str

    def ask(self, *arguments: str) -> str:
        """What it says against being started with these; empty when nothing."""
        code = f"import sys; sys.argv[0] = {self.name!r}; from {self.module} import {self.function} as go; go()"
        isolated = ["-I"] if sys.flags.isolated else []
        command = [sys.executable, *isolated, "-c", code, *arguments]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return f"{self.name} did not answer within {_SECONDS} s."
        if result.returncode == 0:
            return ""
        words = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
        return f"{self.name}: {words[-1].removeprefix(f'{self.name}: ')}"


def daemons(tier: str) -> list[Daemon]:
    """The daemons of one tier."""
    scripts = distribution("guardian").entry_points.select(group="console_scripts")
    return [
        Daemon(item.name, item.module, item.attr) for item in scripts if item.module.startswith(f"guardian.{tier}.")
    ]


@app.command()
def selfcheck(
    tier: Annotated[list[str] | None, typer.Option("--tier", help="edge, node or control.")] = None,
    etc: Annotated[Path, typer.Option("--etc", help="Where the configuration is.")] = SYSTEM,
    stores: Annotated[bool, typer.Option("--stores", help="May it use the stores that are there, too?")] = False,
) -> None:
    """Load every daemon of a tier, and have each judge the configuration that is there; changes nothing.

    The control plane's database is asked by `guardian-migrate`, which alone knows its password.

    Exit status: 0 all would start, 1 one would not.
    """
    tiers = tier or [name for name in TIERS if (etc / f"{name}.yaml").is_file()]
    if not tiers or not set(tiers) <= set(TIERS):
        raise GuardianError(
            "Which tier is to be checked?", reason="tier_unknown", hint=f"Name one with --tier: {', '.join(TIERS)}."
        )
    faults = [fault for name in tiers for fault in find_faults(name, etc)]
    if stores:
        faults += [fault for name in tiers for fault in refused_stores(name, etc)]
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo(f"guardian {version('guardian')}: {', '.join(tiers)} would start.")


def find_faults(tier: str, etc: Path) -> Iterator[str]:
    """One sentence a fault."""
    config = etc / f"{tier}.yaml"
    there = config.is_file()
    for daemon in daemons(tier):
        if not there:
            # Nothing is configured yet: that it can be loaded at all is what can be asked.
            fault = daemon.ask("--version")
            yield from [fault] if fault else []
            continue
        instances = [[name] for name in _cameras(etc)] if daemon.name == _CAMERA else [[]]
        for instance in instances:
            fault = daemon.ask("--config", str(config), "--check", *instance)
            yield from [fault] if fault else []


def refused_stores(tier: str, etc: Path) -> Iterator[str]:
    """One sentence for each store that a newer release has made its own."""
    place = read_place(etc / f"{tier}.yaml")
    for pattern, package in _STORES.get(tier, {}).items():
        for path in sorted((place.state_dir or STATE_DIR).glob(pattern)):
            asked = f"check(Path({str(path)!r}), {package!r})"
            code = f"from pathlib import Path; from guardian.common.schema import check; {asked}"
            # As its one writer: what SQLite makes beside a store in use must not become root's.
            owner, root = path.stat(), os.geteuid() == 0
            result = subprocess.run(
                [sys.executable, *(["-I"] if sys.flags.isolated else []), "-c", code],
                user=owner.st_uid if root else None,
                group=owner.st_gid if root else None,
                extra_groups=[] if root else None,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
            if result.returncode:
                yield result.stderr.strip().splitlines()[-1].partition(": ")[2]


def _cameras(etc: Path) -> list[str]:
    names = sorted(path.stem for path in (etc / "cameras").glob("*.yaml"))
    # Another name is none the daemon would take; the camera role says so where it is written.
    return [name for name in names if re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name)] or ["none"]
