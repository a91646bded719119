#!/usr/bin/python3
"""Releases on a host: verify one, install it beside the others, put one in force, take old ones away.

Runs on a host's own Python with nothing installed, so it imports the standard library alone. Answers are one JSON
object on stdout; a refusal is a sentence on stderr and exit status 1.

    ROOT/releases/VERSION/   a venv with units/, frontend/, docs/, host/, release.json; written last: installed.json
    ROOT/current, previous   links to two of them
    ROOT/unfinished.json     only while another one is put in force, by playbooks or an update, or when that was cut off
"""

import argparse
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn

TIERS = ("edge", "node", "control")
# Read whole before anything in them is believed.
LIMIT = 4 << 20
VERSION = re.compile(r"[0-9][0-9a-z.+]{0,63}")
NAME = re.compile(r"(?!.*(^|/)\.\.?(/|$))[A-Za-z0-9_.@+-]+(/[A-Za-z0-9_.@+-]+)*")
PIN = re.compile(r"([a-z0-9.-]+)==([^\s;]+)")
COPIED = ("units", "frontend", "docs", "host")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
# Bytecode beside the sources, and what the file system adds to many small files.
SPREAD, SPARE = 1.4, 64 << 20


def refuse(sentence: str) -> NoReturn:
    """End with a sentence for the operator."""
    sys.exit(sentence)


class Release:
    """A folder that `tools/release.py` built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sums = self._sums()
        facts = self._facts()
        self.version: str = facts["version"]
        self.pythons: list[str] = facts["python"]

    @property
    def digest(self) -> str:
        """Tells two releases of one version apart."""
        return hashlib.sha256(self.read("SHA256SUMS")).hexdigest()

    def read(self, name: str) -> bytes:
        """A small file of the release, as SHA256SUMS has it."""
        try:
            with open_plain(self.folder, name) as file:
                data = file.read(LIMIT)
        except OSError as error:
            refuse(f"{self.folder} is no release: {name}: {error.strerror}. `make release` builds one.")
        if name != "SHA256SUMS" and hashlib.sha256(data).hexdigest() != self.sums.get(name):
            refuse(f"{self.folder}/{name} is not what SHA256SUMS says: copy or build the release again.")
        return data

    def _sums(self) -> dict[str, str]:
        sums: dict[str, str] = {}
        for line in self.read("SHA256SUMS").decode("ascii", "replace").splitlines():
            found = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
            if found is None or NAME.fullmatch(found[2]) is None:
                refuse(f"{self.folder}/SHA256SUMS holds what is no sum: {line[:80]}")
            sums[found[2]] = found[1]
        return sums

    def _facts(self) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = json.loads(self.read("release.json"))
            good = facts["format"] == 1 and VERSION.fullmatch(facts["version"]) and isinstance(facts["python"], list)
        except (ValueError, KeyError, TypeError):
            good = None
        if not good:
            refuse(f"{self.folder}/release.json is of a form this role does not know: use the role of that release.")
        return facts

    def needed(self, tiers: list[str], python: str) -> list[str]:
        """Names of the files a host of these tiers takes; refuses what cannot run there."""
        if python not in self.pythons:
            refuse(f"Release {self.version} has wheels for Python {', '.join(self.pythons)}; this host has {python}.")
        names = {"SHA256SUMS", "release.json", *self.copied()}
        wheels = [name for name in self.sums if name.endswith(".whl") and _runs_on(name, python)]
        for item in [*tiers, "install"]:
            names.add(f"requirements-{item}.txt")
            hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", self.list_of(item)))
            names.update(name for name in wheels if self.sums[name] in hashes)
        return sorted(names)

    def copied(self) -> list[str]:
        """Names of the files that go beside the venv as they are; what lies beside them unlisted does not."""
        return [name for name in self.sums if name.split("/")[0] in COPIED]

    def list_of(self, item: str) -> str:
        """requirements-ITEM.txt."""
        name = f"requirements-{item}.txt"
        if name not in self.sums:
            refuse(f"Release {self.version} has no {name}.")
        return self.read(name).decode()

    def verify(self, names: list[str]) -> None:
        """Each file's bytes against SHA256SUMS."""
        for name in names:
            if name != "SHA256SUMS" and _hash(self.folder, name) != self.sums.get(name):
                refuse(f"{self.folder}/{name} is missing or not what SHA256SUMS says. Copy or build the release again.")

    def size(self, names: list[str]) -> int:
        """Bytes the release takes on the disk once installed."""
        total = SPARE
        for name in names:
            path = self.folder / name
            if name.endswith(".whl"):
                with zipfile.ZipFile(path) as wheel:
                    total += int(sum(item.file_size for item in wheel.infolist()) * SPREAD)
            else:
                total += path.stat().st_size
        return total


def _runs_on(name: str, python: str) -> bool:
    tags = name.removesuffix(".whl").split("-")[-3:]
    exact = "cp" + python.replace(".", "")
    return exact in tags[0].split(".") or not tags[0].startswith("cp") or "abi3" in tags[1]


def open_plain(folder: Path, name: str) -> BufferedReader:
    """A file of a release: no link is followed below its folder, and nothing but a plain file is opened."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    parts = name.split("/")
    for part in parts:
        # Without waiting for a pipe's other end.
        kind = os.O_NONBLOCK if part is parts[-1] else os.O_DIRECTORY
        try:
            inner = os.open(part, flags | kind, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no plain file")
    return os.fdopen(descriptor, "rb")


def _hash(folder: Path, name: str) -> str:
    try:
        with open_plain(folder, name) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


class Host:
    """`ROOT`, where releases live."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.releases = root / "releases"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Two plays at once on one host: the second waits."""
        self.releases.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o755)
        with (self.root / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def linked(self, name: str) -> str:
        """The version `current` or `previous` names; empty for none."""
        try:
            return Path(os.readlink(self.root / name)).name
        except OSError:
            return ""

    def installed(self) -> dict[str, dict[str, Any]]:
        """What is whole, by version, oldest first."""
        found: list[tuple[float, str, dict[str, Any]]] = []
        for path in self.releases.glob("*/installed.json"):
            if VERSION.fullmatch(path.parent.name):
                note = json.loads(path.read_text(encoding="utf-8"))
                found.append((note["installed"], path.parent.name, note))
        return {name: note for _, name, note in sorted(found, key=lambda item: item[:2])}

    def there(self, version: str, digest: str, tiers: list[str]) -> bool:
        """Whether it is installed; refuses another release of the same version that is in use."""
        note = self.installed().get(version)
        # A Python of another version, after the system was upgraded, does not run what was installed for the old one.
        if note is None or note["python"] != RUNNING:
            return False
        if note["digest"] == digest and set(tiers) <= set(note["tiers"]):
            return True
        if version in (self.linked("current"), self.linked("previous")):
            refuse(
                f"{version} is installed here with other contents, and in use. A release never changes: build this one "
                "with a version of its own. Nothing was changed."
            )
        return False

    def room_for(self, version: str, wanted: int) -> None:
        """Refuses when the disk has not so much left."""
        there = next(path for path in (self.releases, *self.releases.parents) if path.exists())
        free = shutil.disk_usage(there).free
        if free < wanted:
            have, need = f"{free >> 20} MB free", f"{wanted >> 20} MB"
            refuse(f"{self.root} has {have}; {version} needs {need}. Make room and run again. Nothing was changed.")

    def link(self, name: str, version: str) -> None:
        """Point `current` or `previous` at a release; whoever looks sees the old one or the new."""
        aside = self.root / f".{name}.new"
        aside.unlink(missing_ok=True)
        aside.symlink_to(Path("releases", version))
        os.replace(aside, self.root / name)
        os.sync()

    def unfinished(self) -> dict[str, Any]:
        """The note of a play that was cut off between two releases; empty for none."""
        try:
            note: dict[str, Any] = json.loads((self.root / "unfinished.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return note

    def status(self) -> dict[str, Any]:
        """What is in force and what is there."""
        return {
            "current": self.linked("current"),
            "previous": self.linked("previous"),
            "releases": list(self.installed()),
            "unfinished": self.unfinished(),
        }


def inspect(_: Host, arguments: argparse.Namespace) -> dict[str, Any]:
    """The folder of a release: whole, and for a host of this Python."""
    release, names = _wanted(arguments)
    return {"version": release.version, "digest": release.digest, "bytes": release.size(names)}


def ask(host: Host, arguments: argparse.Namespace) -> dict[str, Any]:
    """What the host has, before a release is brought: is it there already, is there room."""
    there = host.there(arguments.version, arguments.digest, arguments.tier)
    if not there:
        host.room_for(arguments.version, arguments.bytes)
    return host.status() | {"there": there}


def pack(_: Host, arguments: argparse.Namespace) -> dict[str, Any]:
    """One tar of what hosts of these tiers take: sixty files copied one by one take minutes."""
    release, names = _wanted(arguments)
    with tarfile.open(arguments.into, "w") as archive:
        for name in names:
            with open_plain(arguments.folder, name) as file:
                entry = archive.gettarinfo(arcname=name, fileobj=file)
                entry.uid, entry.gid, entry.uname, entry.gname, entry.mode = 0, 0, "", "", 0o644
                archive.addfile(entry, file)
    return {"version": release.version, "files": len(names)}


def _wanted(arguments: argparse.Namespace) -> tuple[Release, list[str]]:
    """A release, and the names of what these tiers take of it with each of these Pythons; all of it is verified."""
    release = Release(arguments.folder)
    pythons = arguments.for_python or [RUNNING]
    names = sorted({name for python in pythons for name in release.needed(arguments.tier, python)})
    release.verify(names)
    return release, names


def stage(host: Host, arguments: argparse.Namespace) -> dict[str, Any]:
    """Install beside the others; nothing in force changes."""
    release = Release(arguments.folder)
    names = release.needed(arguments.tier, RUNNING)
    with host.alone():
        if host.there(release.version, release.digest, arguments.tier):
            return host.status() | {"changed": False, "version": release.version}
        release.verify(names)
        host.room_for(release.version, release.size(names))
        # Recording goes on meanwhile. A unit's sandbox allows none of this, and says it itself.
        with suppress(PermissionError):
            os.nice(10)
        final, partial = host.releases / release.version, host.releases / f"{release.version}.partial"
        # A run that was cut off left one of these.
        shutil.rmtree(partial, ignore_errors=True)
        try:
            _install(release, arguments.tier, partial, final)
            _self_check(partial, arguments)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        note = {"digest": release.digest, "tiers": sorted(arguments.tier), "python": RUNNING, "installed": time.time()}
        (partial / "installed.json").write_text(json.dumps(note) + "\n", encoding="utf-8")
        os.sync()
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        os.sync()
        return host.status() | {"changed": True, "version": release.version}


def _install(release: Release, tiers: list[str], partial: Path, final: Path) -> None:
    _run([sys.executable, "-I", "-m", "venv", "--without-pip", "--symlinks", str(partial)], "The venv cannot be made")
    lists = []
    for item in tiers:
        # What was verified is what is used, whatever happens to the folder meanwhile.
        path = partial / f"requirements-{item}.txt"
        path.write_text(release.list_of(item), encoding="utf-8")
        lists += ["--requirement", str(path)]
    (pip,) = (release.folder / name for name in release.sums if name.startswith("wheels/pip-"))
    command = [
        *(str(partial / "bin" / "python"), "-I", f"{pip}/pip", "install", "--isolated", "--no-input", "--quiet"),
        *("--no-index", "--no-cache-dir", "--no-compile", "--no-warn-script-location", "--disable-pip-version-check"),
        *("--root-user-action=ignore", "--only-binary=:all:", "--require-hashes"),
        *("--find-links", str(release.folder / "wheels"), "--find-links", str(release.folder), *lists),
    ]
    _run(command, f"Release {release.version} cannot be installed")
    _name_the_release(partial, final)
    # Role intel_gpu lays it there: a PyAV built against the host's FFmpeg goes before the release's own.
    video = final.parent.parent / "video" / "guardian-video.pth"
    for site in partial.glob("lib/python3*/site-packages") if video.is_file() else ():
        shutil.copyfile(video, site / video.name)
    for name in release.copied():
        _copy(release, name, partial / name)
    for name in ("release.json", "SHA256SUMS"):
        (partial / name).write_bytes(release.read(name))
    # Now: daemons may not write here later. Some packages carry files that are no Python; theirs is the fault.
    named = ["-s", str(partial), "-p", str(final), str(partial / "lib")]
    compiling = [str(partial / "bin" / "python"), "-I", "-m", "compileall", "-qq", "-j", "2", *named]
    subprocess.run(compiling, capture_output=True, check=False)
    for path in [partial, *partial.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _copy(release: Release, name: str, target: Path) -> None:
    """A file that SHA256SUMS lists, and exactly what it lists: it may have been changed since it was verified."""
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open_plain(release.folder, name) as file, target.open("xb") as copy:
            while piece := file.read(1 << 20):
                digest.update(piece)
                copy.write(piece)
    except OSError as error:
        refuse(f"{release.folder}/{name} cannot be copied: {error.strerror}. Copy or build the release again.")
    if digest.hexdigest() != release.sums[name]:
        refuse(f"{release.folder}/{name} is not what SHA256SUMS says. Copy or build the release again.")


def _name_the_release(partial: Path, final: Path) -> None:
    """Let scripts name the folder they will have, not the one they are made in; what is not ours goes."""
    old, new = str(partial).encode(), str(final).encode()
    for path in (partial / "bin").iterdir():
        if path.is_symlink():
            continue
        if not path.name.startswith("guardian"):
            path.unlink()
        elif (data := path.read_bytes()).startswith(b"#!") and old in data:
            path.write_bytes(data.replace(old, new))
    config = partial / "pyvenv.cfg"
    kept = [line for line in config.read_text().splitlines() if not line.startswith("command")]
    config.write_text("\n".join(kept) + "\n", encoding="utf-8")


def _self_check(folder: Path, arguments: argparse.Namespace) -> None:
    code = "from guardian.cli.main import main; main()"
    command = [str(folder / "bin" / "python"), "-I", "-c", code, "selfcheck"]
    for tier in arguments.tier:
        command += ["--tier", tier]
    _run([*command, "--etc", str(arguments.etc)], "The release does not pass its own check")


def _run(command: list[str], fault: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        words = (result.stderr.strip() or result.stdout.strip())[-2000:]
        refuse(f"{fault}; what is in force was not touched. {words}")


def use(host: Host, arguments: argparse.Namespace) -> dict[str, Any]:
    """Put an installed release in force; the one before becomes `previous`."""
    with host.alone():
        if arguments.version not in host.installed():
            refuse(f"{arguments.version} is not installed here; there is {', '.join(host.installed()) or 'nothing'}.")
        before = host.status()
        previous = arguments.previous or before["current" if before["current"] != arguments.version else "previous"]
        if previous != before["previous"] and previous in before["releases"]:
            host.link("previous", previous)
        if before["current"] != arguments.version:
            host.link("current", arguments.version)
        after = host.status()
        return after | {"changed": after != before}


def prune(host: Host, arguments: argparse.Namespace) -> dict[str, Any]:
    """Keep the two that are linked and the newest of the rest; take away what was cut off."""
    with host.alone():
        linked = [host.linked("current"), host.linked("previous")]
        others = [name for name in reversed(host.installed()) if name not in linked]
        room = max(0, arguments.keep - len({name for name in linked if name}))
        gone = others[room:]
        whole = set(host.installed())
        gone += [path.name for path in host.releases.iterdir() if path.name not in whole]
        for name in gone:
            shutil.rmtree(host.releases / name, ignore_errors=True)
        return host.status() | {"changed": bool(gone), "removed": gone}


def main() -> int:
    """One verb."""
    parser = argparse.ArgumentParser(prog="guardian_release", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/opt/guardian"))
    verbs = parser.add_subparsers(required=True)
    for verb in (inspect, pack, stage):
        known = verbs.add_parser(verb.__name__, description=verb.__doc__)
        known.add_argument("folder", type=Path)
        known.add_argument("--tier", action="append", choices=TIERS, required=True)
        known.add_argument("--for-python", action="append", help=f"may be repeated; default: {RUNNING}")
        known.add_argument("--into", type=Path)
        known.add_argument("--etc", type=Path, default=Path("/etc/guardian"))
        known.set_defaults(verb=verb)
    known = verbs.add_parser("ask", description=ask.__doc__)
    known.add_argument("version")
    known.add_argument("digest")
    known.add_argument("bytes", type=int)
    known.add_argument("--tier", action="append", choices=TIERS, required=True)
    known.set_defaults(verb=ask)
    known = verbs.add_parser("use", description=use.__doc__)
    known.add_argument("version")
    known.add_argument("--previous", help="what `previous` is to name then: not a release that was gone back from")
    known.set_defaults(verb=use)
    known = verbs.add_parser("prune", description=prune.__doc__)
    known.add_argument("--keep", type=int, default=3)
    known.set_defaults(verb=prune)
    verbs.add_parser("status").set_defaults(verb=lambda host, _: host.status())
    arguments = parser.parse_args()
    os.umask(0o022)
    print(json.dumps(arguments.verb(Host(arguments.root), arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
