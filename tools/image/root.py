"""The system's files: Debian from this machine's own archive, then the roles, as on a live host but nothing started."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.image import keys, progress
from tools.lab import keeper, roots
from tools.lab.places import ROOT, Refused

BUILD = ROOT / "build" / "image"
PACKAGES = ROOT / "packer" / "packages.txt"
DOWNLOADED = ROOT / "packer" / "downloaded.txt"
SUITE = "bookworm"


def base() -> Path:
    """The root before the roles; made anew when the lists change (about two minutes)."""
    installed = [*roots.BARE, *roots.listed(PACKAGES)]
    wanted = [*roots.packages(SUITE), *roots.listed(DOWNLOADED)]
    key = hashlib.sha256("\n".join([roots.RECIPE, SUITE, *installed, "", *wanted]).encode()).hexdigest()[:12]
    target = BUILD / "roots" / f"{SUITE}-{key}"
    if not target.is_dir():
        print(f"  Debian {SUITE} with a kernel and {len(wanted)} packages at hand …", flush=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        roots.make(SUITE, installed, wanted, target)
    return target


@dataclass(frozen=True)
class Bake:
    """What is baked.

    Attributes:
        tier: edge or node.
        release: the folder of a release, as `make release` makes it.
        model: the detector; a node has none of it.
        image_id: the id that seeds are signed for, a UUID.
        keys: public keys of those whose seeds this image takes.
        update_keys: public keys of those whose updates it takes.
    """

    tier: str
    release: Path
    model: Path
    image_id: str
    keys: list[Path]
    update_keys: list[Path]


def bake(target: Path, wanted: Bake) -> None:
    """The roles of playbooks/bake.yml over the base, merged at `target`; what they say goes to a log beside it."""
    lower = base()
    work = scratch(target, wanted)
    words = [str(lower), str(work), str(target), str(wanted.release), str(wanted.model), wanted.tier]
    enter(target, "roles", *words)
    shutil.rmtree(work, ignore_errors=True)


def scratch(target: Path, wanted: Bake) -> Path:
    """`target`, empty, and beside it a folder to work in, with what tells this image from others."""
    work = target.with_suffix(".work")
    for folder in (target, work):
        shutil.rmtree(folder, ignore_errors=True)
    trusted = {work / "identity/seed-keys": wanted.keys, work / "update-keys": wanted.update_keys}
    for folder in (target, work / "upper", work / "work", work / "root", *trusted):
        folder.mkdir(parents=True)
    (work / "identity/image-id").write_text(f"{wanted.image_id.replace('-', '')}\n", encoding="ascii")
    for folder, paths in trusted.items():
        for path in paths:
            (folder / f"{path.stem}.pub").write_text(keys.line(path), encoding="ascii")
    return work


def enter(target: Path, *words: str) -> None:
    """`tools.image.baking` in namespaces of its own: all mounts end with this process, killed or not."""
    log = target.with_suffix(".log")
    space = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL", "--mount-proc"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*space, sys.executable, "-m", "tools.image.baking", *words],
            cwd=ROOT,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=keeper.dies_with_parent(),  # noqa: PLW1509 - we have one thread
        )
        status = progress.follow(process, log)
    if status:
        raise Refused(f"The roles failed; all of it is in {log}:\n{log.read_text(errors='replace')[-3000:]}")
