"""Wheels of the locked lists for each Python: fetched once, held to its hash; sdnotify, which has none, is built."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name, parse_wheel_filename
from tools.releasing.tree import Refused

# What each Python means to a marker, on the one platform hosts have.
PLATFORM = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
# Debian 12 has glibc 2.36, the oldest of the systems we support.
TAGS = [*(f"manylinux_2_{minor}_x86_64" for minor in range(36, 4, -1)), "manylinux2014_x86_64", "manylinux1_x86_64"]
# Published as source alone; plain Python, so one wheel is for all.
SOURCE_ONLY = frozenset({"sdnotify"})
_PIN = re.compile(r"(?P<name>[a-z0-9.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+?))? \\")
_HASH = re.compile(r"    --hash=sha256:(?P<hash>[0-9a-f]{64})(?: \\)?")


@dataclass(frozen=True)
class Pin:
    """One line of a locked list with the hashes below it."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]

    def wanted_by(self, python: str) -> bool:
        """Whether this Python, e.g. "3.12", takes it."""
        environment = PLATFORM | {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
        return not self.marker or Marker(self.marker).evaluate(environment)

    def lines(self, hashes: Iterable[str]) -> str:
        """As it stands in a list, with these hashes."""
        head = f"{self.name}=={self.version}" + (f" ; {self.marker}" if self.marker else "")
        return " \\\n".join([head, *(f"    --hash=sha256:{item}" for item in sorted(hashes))]) + "\n"


def read_list(text: str) -> list[Pin]:
    """Pins of one locked list; Refused at a line that is none."""
    pins: list[Pin] = []
    for line in text.splitlines():
        if (pin := _PIN.fullmatch(line)) is not None:
            pins.append(Pin(pin["name"], pin["version"], pin["marker"] or "", frozenset()))
        elif (found := _HASH.fullmatch(line)) is not None and pins:
            last = pins.pop()
            pins.append(Pin(last.name, last.version, last.marker, last.hashes | {found["hash"]}))
        elif line.strip() and not line.startswith("#"):
            raise Refused(f"Not a line of a locked list: {line.strip()[:80]}")
    return pins


def fetch(pins: Iterable[Pin], python: str, store: Path) -> dict[Pin, Path]:
    """The wheel of each pin that this Python takes; from `store/PYTHON/` when it is there already."""
    taken = sorted({pin for pin in pins if pin.wanted_by(python)}, key=lambda pin: pin.name)
    built = {pin: _build(pin, store / "built") for pin in taken if pin.name in SOURCE_ONLY}
    wanted = [pin for pin in taken if pin not in built]
    folder = store / python
    folder.mkdir(parents=True, exist_ok=True)
    found = _matching(wanted, folder)
    missing = [pin for pin in wanted if pin not in found]
    if missing:
        _download(missing, python, folder, store)
        found = _matching(wanted, folder)
    if left := [f"{pin.name} {pin.version}" for pin in wanted if pin not in found]:
        raise Refused(f"No wheel for Python {python} of {', '.join(left)}.")
    return found | built


def _build(pin: Pin, store: Path) -> Path:
    """A wheel made from the locked source; its folder is named by that source's hashes, so it is made once."""
    folder = store / hashlib.sha256("".join(sorted(pin.hashes)).encode()).hexdigest()
    if not list(folder.glob("*.whl")):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=store, prefix=".built-") as scratch:
            asked = Path(scratch, "list.txt")
            asked.write_text(Pin(pin.name, pin.version, "", pin.hashes).lines(pin.hashes), encoding="utf-8")
            command = [
                *(
                    sys.executable,
                    "-m",
                    "pip",
                    "wheel",
                    "--quiet",
                    "--no-deps",
                    "--no-build-isolation",
                    "--no-cache-dir",
                ),
                *("--require-hashes", "--requirement", str(asked), "--wheel-dir", scratch),
            ]
            # The earliest date a zip file knows: the same bytes whenever it is built.
            settings = os.environ | {"SOURCE_DATE_EPOCH": "315532800"}
            result = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
            if result.returncode:
                raise Refused(f"{pin.name} cannot be built: {_last_words(result.stderr)}")
            for path in Path(scratch).glob("*.whl"):
                path.rename(folder / path.name)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _matching(pins: list[Pin], folder: Path) -> dict[Pin, Path]:
    by_name: dict[tuple[str, str], list[Path]] = {}
    for path in folder.glob("*.whl"):
        name, version, _, _ = parse_wheel_filename(path.name)
        by_name.setdefault((name, str(version)), []).append(path)
    found: dict[Pin, Path] = {}
    for pin in pins:
        for path in by_name.get((canonicalize_name(pin.name), pin.version), []):
            if hash_of(path) in pin.hashes:
                found[pin] = path
    return found


def _download(pins: list[Pin], python: str, folder: Path, store: Path) -> None:
    # The environment's own settings for pip stay in force: they say where packages come from here.
    others = [path for path in sorted(store.iterdir()) if path.is_dir() and path not in (folder, store / "built")]
    with tempfile.TemporaryDirectory(dir=store.parent, prefix=".wheels-") as scratch:
        # Markers were weighed here: pip would weigh them for the Python it runs on.
        plain = [Pin(pin.name, pin.version, "", pin.hashes) for pin in pins]
        asked = Path(scratch, "list.txt")
        asked.write_text("".join(pin.lines(pin.hashes) for pin in plain), encoding="utf-8")
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
            *("--require-hashes", "--requirement", str(asked), "--dest", scratch),
            *("--implementation", "cp", "--python-version", python),
            *(item for tag in TAGS for item in ("--platform", tag)),
            *(item for other in others for item in ("--find-links", str(other))),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise Refused(f"Wheels for Python {python} cannot be had: {_last_words(result.stderr)}")
        for path in Path(scratch).glob("*.whl"):
            shutil.move(path, folder / path.name)


def _last_words(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines()
    return " ".join(lines[-3:])


def hash_of(path: Path) -> str:
    """SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
