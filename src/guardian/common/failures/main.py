"""`guardian-failure UNIT`: started by systemd when a unit failed; says so in one line and keeps a note of it."""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from guardian.common import log
from guardian.common.failures import note

_INVOCATION = re.compile(r"[0-9a-f]{32}")
_SECONDS = 20.0
_log = log.get(__name__)


def main() -> NoReturn:
    """Console script."""
    parser = argparse.ArgumentParser(prog="guardian-failure", description="Keep a failed unit's last words.")
    parser.add_argument("unit", help="full name of the unit that failed")
    parser.add_argument("--folder", type=Path, default=Path("/var/lib/guardian/failures"), metavar="FOLDER")
    parser.add_argument("--version", action="version", version=version("guardian"))
    arguments = parser.parse_args()
    log.setup("failure")
    if not note.is_unit(arguments.unit):
        parser.error("this is not the name of a unit of ours")
    found = take(arguments.unit, arguments.folder, os.environ)
    _log.error("unit_failed", unit=found.unit, result=found.result, count=found.count, sentence=found.sentence)
    sys.exit(0)


def take(unit: str, folder: Path, environ: Mapping[str, str]) -> note.Note:
    """Note what systemd said in the environment (systemd.exec(5), MONITOR_*) and the unit in the journal."""
    code, status = environ.get("MONITOR_EXIT_CODE", ""), environ.get("MONITOR_EXIT_STATUS", "")
    said = f"{'status' if code == 'exited' else 'signal'} {status}" if status else ""
    lines = last_words(unit, environ.get("MONITOR_INVOCATION_ID", ""))
    return note.write(folder, unit, result=environ.get("MONITOR_SERVICE_RESULT", ""), status=said, lines=lines)


def last_words(unit: str, invocation: str) -> list[str]:
    """The newest lines that the unit itself wrote; a daemon's own JSON lines as their sentence."""
    match = [f"_SYSTEMD_UNIT={unit}"]
    if _INVOCATION.fullmatch(invocation):
        match.append(f"_SYSTEMD_INVOCATION_ID={invocation}")
    command = ["journalctl", "--no-pager", "--quiet", "--output=cat", f"--lines={note.MAX_WORDS}", *match]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [_sentence(line) for line in done.stdout.splitlines()]


def _sentence(line: str) -> str:
    try:
        found = json.loads(line)
        return str(found.get("sentence") or found["event"])
    except (ValueError, KeyError, AttributeError):
        return line


if __name__ == "__main__":
    main()
