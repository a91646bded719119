"""The system's files: Debian from this machine's own archive, then the roles, as on a live host but nothing started."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.lab import keeper, roots
from tools.lab.places import ROOT, Refused

BUILD = ROOT / "build" / "image"
PACKAGES = ROOT / "packer" / "packages.txt"
SUITE = "bookworm"


def base() -> Path:
    """The root before the roles; made anew when the lists change (about two minutes)."""
    lines = (line.partition("#")[0].strip() for line in PACKAGES.read_text(encoding="utf-8").splitlines())
    installed = [*roots.BARE, *(line for line in lines if line)]
    wanted = roots.packages(SUITE)
    key = hashlib.sha256("\n".join([roots.RECIPE, SUITE, *installed, "", *wanted]).encode()).hexdigest()[:12]
    target = BUILD / "roots" / f"{SUITE}-{key}"
    if not target.is_dir():
        print(f"  Debian {SUITE} with a kernel and {len(wanted)} packages at hand …", flush=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        roots.make(SUITE, installed, wanted, target)
    return target


def bake(target: Path, release: Path, model: Path, image_id: str, keys: list[Path], update_keys: list[Path]) -> None:
    """The roles of playbooks/bake.yml over the base, merged at `target`; what they say goes to a log beside it.

    Args:
        release: the folder of a release, as `make release` makes it.
        model: the detector.
        image_id: the id that seeds are signed for, a UUID.
        keys: public keys of those whose seeds this image takes.
        update_keys: public keys of those whose updates it takes.

    All mounts are of a namespace that ends with this process, killed or not.
    """
    lower = base()
    shutil.rmtree(target, ignore_errors=True)
    work = target.with_suffix(".work")
    shutil.rmtree(work, ignore_errors=True)
    for folder in (target, work / "upper", work / "work", work / "root"):
        folder.mkdir(parents=True)
    log = target.with_suffix(".log")
    words = [sys.executable, "-m", "tools.image.baking", str(lower), str(work), str(target), str(release), str(model)]
    (work / "identity").mkdir()
    (work / "identity/image-id").write_text(f"{image_id.replace('-', '')}\n", encoding="ascii")
    for folder, trusted in ((work / "identity/seed-keys", keys), (work / "update-keys", update_keys)):
        folder.mkdir()
        for key in trusted:
            shutil.copyfile(key, folder / f"{key.stem}.pub")
    space = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL", "--mount-proc"]
    with log.open("wb") as output:
        status = subprocess.run(
            [*space, *words],
            cwd=ROOT,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            preexec_fn=keeper.dies_with_parent(),
        ).returncode
    if status:
        raise Refused(f"The roles failed; all of it is in {log}:\n{log.read_text(errors='replace')[-3000:]}")
    shutil.rmtree(work, ignore_errors=True)
