"""The sources a release is made of: a copy, of this checkout or of a commit, with patches applied and a version set."""

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parents[2]
# What the wheel, the stubs and the release's folders are made from; the rest of a checkout decides nothing.
PARTS = (
    *("src", "proto", "units", "docs", "requirements", "tools", "frontend", "pyproject.toml", "README.md", "LICENSE"),
    # A release brings what installs it.
    *("roles/python_release/files", "roles/systemd_units/files"),
)
UI_SOURCES = ("frontend",)
_VERSION = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)


class Refused(Exception):
    """A sentence for the terminal: nothing can be built from this."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line; an empty `ref` means the checkout as it lies here."""

    ref: str = ""
    patches: list[Path] = field(default_factory=list)
    version: str = ""


def copy(wanted: Wanted, target: Path) -> str:
    """Fill the empty folder `target`; the version of what lies there."""
    if wanted.ref:
        _from_commit(wanted.ref, target)
    else:
        _from_checkout(target)
    for patch in wanted.patches:
        apply(patch, target)
    return set_version(target / "pyproject.toml", wanted.version)


def _from_checkout(target: Path) -> None:
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PARTS).split(b"\0")
    for name in sorted(os.fsdecode(item) for item in listed if item):
        source = ROOT / name
        # Deleted, and not yet told to git.
        if not source.is_file():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target / name, follow_symlinks=False)


def _from_commit(ref: str, target: Path) -> None:
    present = set(_git("ls-tree", "--name-only", ref, "--", *PARTS).decode().split())
    packed = _git("archive", "--format=tar", ref, "--", *(part for part in PARTS if part in present))
    subprocess.run(["tar", "--extract", "--directory", str(target)], input=packed, check=True)


def apply(patch: Path, target: Path) -> None:
    """`git apply`, in a folder that belongs to no repository; Refused when it does not fit."""
    # Inside a repository git would take the paths for that repository's, and skip them in silence.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(target.parent.resolve())}
    result = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", str(patch.resolve())],
        cwd=target,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise Refused(f"{patch} does not apply any more: {result.stderr.strip()}")


def set_version(project: Path, version: str) -> str:
    """Write `version` into pyproject.toml, unless it is empty; the version that is in force."""
    text = project.read_text(encoding="utf-8")
    found = _VERSION.search(text)
    if found is None:
        raise Refused("pyproject.toml has no version.")
    version = version or found[1]
    try:
        normal = str(Version(version))
    except InvalidVersion as error:
        raise Refused(f"{version} is not a version: write it like 0.3.0 or 0.3.0.dev1.") from error
    if normal != version:
        raise Refused(f"{version} has no place in a file's name: write {normal}.")
    project.write_text(_VERSION.sub(f'version = "{version}"', text, count=1), encoding="utf-8")
    return version


def digest(folder: Path, parts: tuple[str, ...] = ()) -> str:
    """SHA-256 over names, modes and contents of all files below, or of `parts` of them."""
    whole = hashlib.sha256()
    roots = [folder / part for part in parts] if parts else [folder]
    paths = {path for root in roots for path in (root.rglob("*") if root.is_dir() else [root]) if path.is_file()}
    for path in sorted(paths):
        executable = bool(path.stat().st_mode & 0o100)
        whole.update(f"{path.relative_to(folder)}\0{executable}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def commit_of(ref: str) -> str:
    """The commit's full name; "+" behind it when the checkout differs from it."""
    name = _git("rev-parse", ref or "HEAD").decode().strip()
    changed = not ref and _git("status", "--porcelain", "--", *PARTS).strip()
    return f"{name}+" if changed else name


def date_of(ref: str) -> int:
    """SOURCE_DATE_EPOCH when it is set, else when the commit was made: seconds since 1970."""
    if os.environ.get("SOURCE_DATE_EPOCH", "").isdecimal():
        return int(os.environ["SOURCE_DATE_EPOCH"])
    return int(_git("log", "-1", "--format=%ct", ref or "HEAD"))


def _git(*arguments: str) -> bytes:
    result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    if result.returncode:
        raise Refused(f"git {arguments[0]}: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout
