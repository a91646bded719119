"""What hosts find read-only in /srv/guardian: this checkout's release, a detector model, a film, Ansible's Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.lab import module_client
from tools.lab.camera import FILM
from tools.lab.places import ROOT, SUPPLIES, Refused

# Those of the suites' own Pythons: other wheels would be fetched for nothing.
PYTHONS = ("3.11", "3.13")
RELEASES = SUPPLIES / "releases"
MODEL = SUPPLIES / "camera" / "shapes.onnx"


def supply() -> None:
    """Make what is missing or older than the checkout. Needs the network when wheels are to be fetched."""
    SUPPLIES.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "tools/lab/modules.py", SUPPLIES / "python3")
    module_client.archive()
    release("this")
    film()
    model()


def release(name: str, *arguments: str) -> str:
    """Build a release and call it `name`: a link among the releases. Its version.

    Args:
        arguments: more of `python -m tools.release`, e.g. `--patch FILE --version 0.2.0`.
    """
    RELEASES.mkdir(parents=True, exist_ok=True)
    pythons = [word for python in PYTHONS for word in ("--python", python)]
    told = _run([sys.executable, "-m", "tools.release", "--into", str(RELEASES), *pythons, *arguments])
    version = told.strip().splitlines()[-1].rpartition("/")[2]
    link = RELEASES / f".{name}.new"
    link.unlink(missing_ok=True)
    link.symlink_to(version)
    link.replace(RELEASES / name)
    return version


def model() -> Path:
    """The detector of drawn shapes."""
    if not MODEL.exists():
        MODEL.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "tools/detector/build.py", str(MODEL)])
    return MODEL


def film() -> None:
    """The drawn garden as a film, and beside it when somebody is in it."""
    if FILM.exists():
        return
    FILM.parent.mkdir(parents=True, exist_ok=True)
    drawn = FILM.with_suffix(".mp4")
    _run([sys.executable, "tools/camera/footage.py", str(drawn)])
    made = _run([sys.executable, "tools/camera/prepare.py", str(drawn), "--cache", str(FILM.parent)])
    shutil.move(made.strip().splitlines()[-1], FILM)


def _run(command: list[str]) -> str:
    settings = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    result = subprocess.run(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise Refused(f"`{' '.join(command)}` failed; what it said stands above.")
    return result.stdout
