"""A release is put in force, judged by what was well before, and left again when it is not as well.

Run by the release before, which is known to work; after a cut at the next start, by the note that lies there. Each step
may be done twice.
"""

import contextlib
import re
import subprocess

from guardian.appliance import release_writing
from guardian.appliance.apply import remembered
from guardian.appliance.host import Settle
from guardian.appliance.releases import Host, Note
from guardian.common import log
from guardian.common.errors import GuardianError

_SECONDS = 300
_NOT_JUDGED = "The host was switched off, or its judge ended, each time before the release could be found good."
_log = log.get(__name__)


def judge(host: Host, settle: Settle) -> str:
    """What became of the trial there is; '' where there is none."""
    note = host.note
    if note is None:
        (host.root / "judge").unlink(missing_ok=True)
        return ""
    if not note.verdict:
        note = _find(host, note, settle)
    if note.verdict == "good":
        _log.info("update_judged", version=note.new, outcome=note.verdict, sentence=note.sentence)
    else:
        _log.error("update_judged", version=note.new, outcome=note.verdict, sentence=note.sentence)
        # Whatever of it fails, the rest is still done: there is nowhere else to go.
        for sentence in put(host, note, note.old, note.previous or note.old, to_the_end=True):
            _log.error("update_back_failed", version=note.old, sentence=sentence)
    # A full disk does not keep a trial from ending.
    with contextlib.suppress(OSError):
        host.record(note.new, note.verdict, note.sentence)
    host.end()
    with contextlib.suppress(GuardianError):
        release_writing.prune(release_writing.Target(host.root, host.tier))
    return note.verdict


def _find(host: Host, note: Note, settle: Settle) -> Note:
    if note.left <= 0:
        return host.keep(note, verdict="not_judged", sentence=_NOT_JUDGED)
    note = host.keep(note, left=note.left - 1)
    missing = put(host, note, note.new, note.old) or settle(remembered(host), note.new)
    if missing:
        return host.keep(note, verdict="unhealthy", sentence=" ".join(missing)[:2000])
    return host.keep(note, verdict="good", sentence=f"Release {note.new} is in force.")


def put(host: Host, note: Note, version: str, previous: str, *, to_the_end: bool = False) -> list[str]:
    """A release in force: links, units, users, restarts in order. What failed, a sentence each; then the rest is left.

    Args:
        to_the_end: go on, whatever fails.
    """
    target = release_writing.Target(host.root, host.tier)
    faults: list[str] = []
    try:
        release_writing.put_in_force(target, version, previous)
    except GuardianError as error:
        faults.append(str(error))
    for command, said in _commands(host, target, note, version):
        if faults and not to_the_end:
            break
        if (fault := _fails(command)) and said:
            faults.append(f"{said} failed: {fault}")
    return faults


def _commands(host: Host, target: release_writing.Target, note: Note, version: str) -> list[tuple[list[str], str]]:
    folder = host.folder(version)
    elsewhere = [] if str(host.system) == "/" else [f"--root={host.system}"]
    tables = ["guardian-common.conf", f"guardian-{target.tier}.conf"]
    units = [target.python, "-I", str(folder / release_writing.UNITS), "--source", str(folder / "units")]
    units += ["--tier", target.tier, "--root", str(host.system), "--systemd", _systemd(host)]
    return [
        (units, "Laying the units"),
        (["systemd-sysusers", *elsewhere, *tables], "Making the users"),
        (["systemd-tmpfiles", *elsewhere, "--create", *tables], "Making the folders"),
        ([host.systemctl, "daemon-reload"], "Telling systemd"),
        # A release that failed at once has used up the starts it is allowed. Nothing failed is no fault.
        ([host.systemctl, "reset-failed", "guardian-*"], ""),
        *(([host.systemctl, "restart", unit], f"Starting {unit}") for unit in note.units),
    ]


def _fails(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    words = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return (words[0] if words else str(done.returncode)) if done.returncode else ""


def _systemd(host: Host) -> str:
    """Its version: some units have more where it is newer."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run([host.systemctl, "--version"], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
        if found := re.match(r"systemd (\d+)", done.stdout):
            return found[1]
    return "252"
