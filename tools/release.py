"""Build a release into build/releases/VERSION/: all that a host needs, hashed; built again it is the same bytes."""

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.releasing import schemas, tree, wheels
from tools.releasing.tree import ROOT, Refused, Wanted
from tools.releasing.wheels import Pin

PYTHONS = ["3.11", "3.12", "3.13"]
TIERS = ["edge", "node", "control"]
RELEASES = ROOT / "build" / "releases"
STORE = ROOT / "build" / "wheels"


def main() -> int:
    """Exit status 1, and a sentence, when it cannot be built."""
    arguments = parse()
    wanted = Wanted(ref=arguments.ref, patches=arguments.patch, version=arguments.version)
    try:
        with only_one():
            print(build(wanted, arguments.python or PYTHONS, arguments.into.resolve()))
    except Refused as refusal:
        print(f"release: {refusal}", file=sys.stderr)
        return 1
    return 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ref", default="", metavar="COMMIT", help="build this commit instead of the checkout")
    parser.add_argument("--patch", type=Path, action="append", default=[], metavar="FILE", help="apply it to a copy")
    parser.add_argument("--version", default="", help="instead of the one in pyproject.toml")
    parser.add_argument("--python", action="append", choices=PYTHONS, help="wheels for this one only; may be repeated")
    parser.add_argument("--into", type=Path, default=RELEASES, metavar="FOLDER", help="default: build/releases")
    return parser.parse_args()


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two builds at once would fetch into the same folder: the second waits."""
    RELEASES.mkdir(parents=True, exist_ok=True)
    with (RELEASES / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """One line on the screen."""
    began = time.monotonic()
    print(f"  {title} … ", end="", flush=True, file=sys.stderr)
    try:
        yield
    except BaseException:
        print("failed", file=sys.stderr)
        raise
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)


def build(wanted: Wanted, pythons: list[str], into: Path) -> Path:
    """The release's folder; left as it is when it was built from the same sources before."""
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="guardian-release-") as scratch:
        source = Path(scratch, "source")
        source.mkdir()
        version = tree.copy(wanted, source)
        dist = the_ui(source, wanted)
        epoch = tree.date_of(wanted.ref)
        stamp = f"{tree.digest(source)} {tree.digest(dist)} {','.join(pythons)} {epoch}\n"
        target, stamped = into / version, into / f".{version}.stamp"
        if target.is_dir() and stamped.exists() and stamped.read_text(encoding="utf-8") == stamp:
            print(f"  {version} is as it was", file=sys.stderr)
            return target
        partial = into / f".{version}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with step(f"the wheel of {version}"):
            wheel = project_wheel(source, partial, epoch)
        collect_wheels(source, partial, wheel, version, pythons)
        shutil.copytree(dist, partial / "frontend")
        if (source / "units").is_dir():
            shutil.copytree(source / "units", partial / "units")
        # By these a release installs itself, on a host that takes it from its node.
        (partial / "host").mkdir()
        for script in (source / "roles").glob("*/files/guardian_*.py"):
            shutil.copy(script, partial / "host")
        # What `systemctl status` points at.
        (partial / "docs").mkdir()
        for page in (source / "docs").glob("*.md"):
            shutil.copy(page, partial / "docs")
        write_json(partial, describe(source, version, pythons, wanted.ref, epoch))
        write_sums(partial)
        # The stamp vouches for what lies there: it goes first and comes last.
        stamped.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        stamped.write_text(stamp, encoding="utf-8")
    return target


def the_ui(source: Path, wanted: Wanted) -> Path:
    """The UI's built files: the checkout's own, or built anew where a commit or a patch changed its sources."""
    dist = ROOT / "frontend" / "dist"
    if not (dist / "index.html").is_file():
        raise Refused("The UI is not built: run `make ui`.")
    if not wanted.ref and not wanted.patches:
        return dist
    with tempfile.TemporaryDirectory(prefix="guardian-checkout-") as scratch:
        tree.copy(Wanted(), Path(scratch))
        if tree.digest(source, tree.UI_SOURCES) == tree.digest(Path(scratch), tree.UI_SOURCES):
            return dist
    with step("the UI"):
        (source / "frontend" / "node_modules").symlink_to((ROOT / "frontend" / "node_modules").resolve())
        quietly(["npm", "--prefix", "frontend", "run", "build"], source, "The UI cannot be built")
        (source / "frontend" / "node_modules").unlink()
    return source / "frontend" / "dist"


def project_wheel(source: Path, folder: Path, epoch: int) -> Path:
    """Stubs first, then the wheel; the same to the byte for the same sources and date."""
    quietly([sys.executable, str(source / "tools" / "proto.py")], source, "The stubs cannot be made")
    # Made here, so dated now, and modes follow whoever builds: a wheel records both.
    for path in source.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    quietly(command, source, "The wheel cannot be built", SOURCE_DATE_EPOCH=str(epoch))
    (wheel,) = folder.glob("guardian-*.whl")
    return wheel


def collect_wheels(source: Path, folder: Path, own: Path, version: str, pythons: list[str]) -> None:
    """Fill `wheels/`, and write each tier's list: it names what lies there and nothing else."""
    names = [*TIERS, "install"]
    lists = {
        name: wheels.read_list((source / "requirements" / f"{name}.txt").read_text(encoding="utf-8")) for name in names
    }
    (folder / "wheels").mkdir()
    hashes: dict[Pin, set[str]] = {}
    for python in pythons:
        with step(f"wheels for Python {python}"):
            for pin, path in wheels.fetch({pin for pins in lists.values() for pin in pins}, python, STORE).items():
                hashes.setdefault(pin, set()).add(wheels.hash_of(path))
                if not (folder / "wheels" / path.name).exists():
                    link_or_copy(path, folder / "wheels" / path.name)
    own_pin = Pin("guardian", version, "", frozenset({wheels.hash_of(own)}))
    for name, pins in lists.items():
        text = "".join(pin.lines(hashes[pin]) for pin in pins if pin in hashes)
        if name != "install":
            text += own_pin.lines(own_pin.hashes)
        (folder / f"requirements-{name}.txt").write_text(text, encoding="utf-8")


def link_or_copy(source: Path, target: Path) -> None:
    """A release of a few hundred MB costs its own wheel alone where the file system has hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def describe(source: Path, version: str, pythons: list[str], ref: str, epoch: int) -> dict[str, Any]:
    """The content of release.json."""
    return {
        "format": 1,
        "version": version,
        "commit": tree.commit_of(ref),
        "date": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "python": pythons,
        "tiers": {tier: {"stores": schemas.of_tier(source / "src", tier)} for tier in TIERS},
    }


def write_json(folder: Path, facts: dict[str, Any]) -> None:
    """release.json."""
    (folder / "release.json").write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_sums(folder: Path) -> None:
    """SHA256SUMS names every other file, in the order of their names."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [f"{wheels.hash_of(folder / path)}  {path}\n" for path in paths]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def quietly(command: list[str], cwd: Path, fault: str, **environment: str) -> None:
    """Run it; its words are shown only when it fails."""
    # The copy's own sources, never the checkout's.
    settings = os.environ | {"PYTHONPATH": str(cwd / "src")} | environment
    result = subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Refused(f"{fault}: {(result.stdout + result.stderr).strip()[-1500:]}")


if __name__ == "__main__":
    sys.exit(main())
