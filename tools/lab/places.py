"""Where a lab keeps things, and which lab is meant: `GUARDIAN_LAB` names it, so that several may run side by side."""

import hashlib
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "lab"
SHARED = ROOT / "molecule" / "shared"
# Read-only in every host, as /srv/guardian.
SUPPLIES = BUILD / "supplies"


class Refused(Exception):
    """A sentence for the terminal."""


def name() -> str:
    """This lab's name."""
    chosen = os.environ.get("GUARDIAN_LAB", "lab")
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,20}", chosen):
        raise Refused(f"GUARDIAN_LAB={chosen} is no name: use small letters, digits and hyphens.")
    return chosen


def is_inside() -> bool:
    """Whether this process already runs in the keeper's namespaces."""
    return os.environ.get("GUARDIAN_LAB_INSIDE") == f"{name()} {os.readlink('/proc/self/ns/pid')}"


def run() -> Path:
    """The folder of what runs now; gone when nothing runs."""
    return BUILD / "run" / name()


def layers() -> Path:
    """Frozen hosts: what was written above their root."""
    return BUILD / "layers"


def roots() -> Path:
    """Root file systems; other checkouts' may be used by `GUARDIAN_LAB_ROOTS`."""
    return Path(os.environ.get("GUARDIAN_LAB_ROOTS") or BUILD / "roots")


def cgroup() -> str:
    """The name of this lab's control group: two checkouts have two."""
    return f"guardian-lab-{hashlib.sha256(str(run()).encode()).hexdigest()[:12]}"


def cgroup_trees() -> list[Path]:
    """Where control groups of this lab may lie: the unified hierarchy first, then systemd's old named one."""
    found: list[tuple[int, Path]] = []
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, target, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found.append((0, Path(target)))
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            found.append((1, Path(target)))
    if not any(rank == 0 for rank, _ in found):
        raise Refused("No cgroup2 file system is mounted: test hosts need one.")
    return [path for _, path in sorted(found)]
