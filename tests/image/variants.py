"""The baked system under another version, whole or broken on purpose: what its owner would be sent next.

`ip netns exec` and `unshare` alike replace themselves by what they run, so that nothing outlives the test.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.image.conftest import TRIED
from tools.image import slot, update
from tools.image.slot import Slot
from tools.lab import keeper
from tools.lab.places import ROOT

# What is put at the beginning of a daemon's file to break it.
BROKEN = 'raise RuntimeError("broken on purpose")\n'


def made(folder: Path, version: str, key: Path, *, broken: str = "", dead: bool = False) -> Path:
    """An update to this version.

    Args:
        broken: a module below guardian that cannot be imported, such as `edge/uplink/main.py`.
        dead: its initial RAM disk is none, and no start of it comes far.
    """
    work = folder / f"variant-{version}"
    shutil.rmtree(work, ignore_errors=True)
    for name in ("upper", "work", "root"):
        (work / name).mkdir(parents=True)
    words = [sys.executable, "-m", "tests.image.variants", str(work), version, broken]
    subprocess.run(
        ["unshare", "--mount", "--propagation", "private", *words],
        cwd=ROOT,
        check=True,
        preexec_fn=keeper.dies_with_parent(),
    )
    system = Slot.of(work / "slot")
    if dead:
        system.initrd.write_bytes(b"nothing of a RAM disk" * 1000)
    target = folder / f"{version}.update"
    update.make(system, target, "edge", version, key)
    shutil.rmtree(work)
    return target


def main(work: Path, version: str, broken: str) -> None:
    """In a mount namespace of its own: the tree with a layer over it, packed."""
    tree = work / "root"
    layers = f"lowerdir={TRIED / 'tree-edge'},upperdir={work / 'upper'},workdir={work / 'work'}"
    subprocess.run(["mount", "-t", "overlay", "variant", "-o", layers, str(tree)], check=True)
    (facts,) = tree.glob("opt/guardian/releases/*/lib/python3*/site-packages/guardian-*.dist-info/METADATA")
    lines = facts.read_text("utf-8").splitlines()
    number = next(number for number, line in enumerate(lines) if line.startswith("Version: "))
    lines[number] = f"Version: {version}"
    facts.write_text("\n".join(lines) + "\n", "utf-8")
    if broken:
        module = facts.parent.parent / "guardian" / broken
        module.write_text(BROKEN + module.read_text("utf-8"), "utf-8")
    slot.make(tree, work / "slot", level=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
