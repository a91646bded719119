#!/usr/bin/python3
"""A release's units on a host: exactly those of its tiers, none of an older release's.

Runs on a host's own Python with nothing installed. Prints one JSON object: `written` and `removed`, the paths that
differ. What was installed is remembered in a manifest, so that only this program's own files are ever removed.

    SOURCE/common, SOURCE/TIER   *.service and the like → /etc/systemd/system
                                 *.sysusers → /etc/sysusers.d/NAME.conf, *.tmpfiles → /etc/tmpfiles.d/NAME.conf
                                 NAME.d/50-systemdNNN.conf only where systemd is NNN or newer
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

TIERS = ("edge", "node", "control")
UNIT = re.compile(r"guardian[a-z-]*@?\.(service|socket|path|timer|slice|target)")
DROPIN = re.compile(r"guardian[a-z-]*@?\.(service|socket|slice)\.d/[0-9]{2}-[a-z0-9-]+\.conf")
TABLE = re.compile(r"(guardian-[a-z]+)\.(sysusers|tmpfiles)")
FOLDERS = {"sysusers": "etc/sysusers.d", "tmpfiles": "etc/tmpfiles.d"}
SYSTEM = "etc/systemd/system"
MANIFEST = "etc/guardian/units.json"
LIMIT = 64 << 10


def wanted(source: Path, tiers: list[str], systemd: int) -> dict[str, bytes]:
    """Content by path below the host's root; ends with a sentence when there is something that belongs nowhere."""
    found: dict[str, bytes] = {}
    for folder in ("common", *tiers):
        base = source / folder
        if not base.is_dir():
            sys.exit(f"{base} is missing: this is no folder of units.")
        for path in sorted(item for item in base.rglob("*") if not item.is_dir()):
            name = path.relative_to(base).as_posix()
            place = placed(name, systemd)
            if place is None:
                sys.exit(f"{path} is nothing that belongs on a host.")
            if path.is_symlink() or path.stat().st_size > LIMIT:
                sys.exit(f"{path} is no plain file of a unit's size.")
            if place in found:
                sys.exit(f"Two tiers bring {name}; a host is one of them only.")
            if place:
                found[place] = path.read_bytes()
    return found


def placed(name: str, systemd: int) -> str | None:
    """Where a file goes; "" for one that this systemd is too old for; None for what belongs nowhere."""
    table = TABLE.fullmatch(name)
    if table:
        return f"{FOLDERS[table[2]]}/{table[1]}.conf"
    if UNIT.fullmatch(name):
        return f"{SYSTEM}/{name}"
    if DROPIN.fullmatch(name):
        version = re.search(r"-systemd([0-9]+)\.conf$", name)
        return f"{SYSTEM}/{name}" if version is None or systemd >= int(version[1]) else ""
    return None


def known(root: Path) -> list[str]:
    """What an earlier run put there; names that it could not have written are passed over."""
    try:
        names = json.loads((root / MANIFEST).read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    folders = (SYSTEM, *FOLDERS.values())
    return [
        name
        for name in map(str, names)
        if ".." not in name and any(name.startswith(f"{folder}/guardian") for folder in folders)
    ]


def write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.new")
    with aside.open("wb") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def differs(path: Path, data: bytes) -> bool:
    """Whether the file is to be written."""
    try:
        return path.is_symlink() or path.read_bytes() != data or path.stat().st_mode & 0o777 != 0o644
    except OSError:
        return True


def remove(path: Path, root: Path) -> None:
    """The file, and its folder when that was a unit's and is empty now."""
    path.unlink(missing_ok=True)
    folder = path.parent
    if folder != root / SYSTEM and folder.name.endswith(".d") and folder.is_relative_to(root / SYSTEM):
        try:
            folder.rmdir()
        except OSError:
            # Somebody's own drop-in lies there.
            return


def main() -> None:
    """Install, or with `--none` take all away."""
    parser = argparse.ArgumentParser(description="Install a release's units.")
    parser.add_argument("--source", type=Path)
    parser.add_argument("--tier", action="append", default=[], choices=TIERS)
    parser.add_argument("--systemd", type=int, default=252)
    parser.add_argument("--root", type=Path, default=Path("/"))
    parser.add_argument("--none", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    root = given.root
    files = {} if given.none else wanted(given.source, given.tier, given.systemd)
    before = known(root)
    manifest = (json.dumps({"files": sorted(files)}, indent=1) + "\n").encode()
    written = [name for name, data in files.items() if differs(root / name, data)]
    removed = [name for name in before if name not in files and os.path.lexists(root / name)]
    if not given.check:
        # Remembered first: a run that stops half way knows what it may have written.
        if files:
            write(root / MANIFEST, (json.dumps({"files": sorted({*before, *files})}) + "\n").encode())
        for name in written:
            write(root / name, files[name])
        for name in removed:
            remove(root / name, root)
        if files:
            write(root / MANIFEST, manifest)
        else:
            (root / MANIFEST).unlink(missing_ok=True)
    print(json.dumps({"written": written, "removed": removed}))


if __name__ == "__main__":
    main()
