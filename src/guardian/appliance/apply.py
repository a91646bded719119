"""`guardian-update-apply`: a signed system into the slot that does not run, or a release beside the others; then tried.

Root's oneshot, without network. Nothing that starts is changed before all of it lies there whole: cut short anywhere,
the machine starts what it ran before.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import BinaryIO, NoReturn

from guardian.appliance.here import this_host
from guardian.appliance.host import LEFT, ApplyError, Host
from guardian.appliance.screen import Tell
from guardian.common import bundle, log, seed_image
from guardian.common.bundle import Manifest
from guardian.common.errors import GuardianError
from guardian.common.files import folder_below, open_plain, private_folder, read_plain, remove, write_atomic

# guardian-update's, who hands over in `ready/bundle`.
UPDATE = Path("/var/lib/guardian/update")
GUARDIAN = "/opt/guardian/current/bin/guardian"
# Bytes of what `guardian status --json` says: as much as `guardian settle` reads.
MAX_BEFORE = 4 << 20
# On an emulated machine, beside another one, it took over two minutes.
_SECONDS = 300
# Refused for what says nothing of the version.
_NO_VERDICT = {
    "same_version",
    "on_trial",
    "no_slots",
    "bundle_unreadable",
    "tried_before",
    "slots_in_use",
    "play_unfinished",
}
# Of the machine and of this hour: the version may do another time.
_PASSING = {"status_unknown", "disk_refused"}
_log = log.get(__name__)


@dataclass(frozen=True)
class Wanted:
    """What is asked of an update; `running` is the version in force, `again`: also one that failed here."""

    kind: str
    running: str
    downgrade: bool = False
    again: bool = False


def apply(host: Host, file: BinaryIO, keys: list[bytes], wanted: Wanted, tell: Tell) -> Manifest:
    """Lay what the bundle holds beside what runs: into the other slot, or as a release.

    Args:
        file: the bundle, from its beginning.
        tell: is told what is done, and how much of it, 0 to 1.

    Raises BundleError, ApplyError or SlotError; whatever happened, what runs is what starts next.
    """
    host.refuse_while_tried()
    manifest, _ = bundle.read_manifest(file, keys)
    refuse_unfit(manifest, wanted)
    host.refuse_parts(manifest)
    if not wanted.again:
        refuse_failed(host, manifest.version)
    file.seek(0)
    # All of it before anything is overwritten: a damaged one costs nobody what could be gone back to.
    bundle.verify(file, keys, lambda part: tell("Verifying the update", part))
    file.seek(0)
    bundle.read_manifest(file, keys)
    host.write(file, manifest, tell)
    return manifest


def refuse_unfit(manifest: Manifest, wanted: Wanted) -> None:
    """ApplyError for another kind than this machine takes, or a version that is not newer."""
    if manifest.kind != wanted.kind:
        raise ApplyError(
            f"This update is of kind {manifest.kind}; this machine takes {wanted.kind}.",
            reason="wrong_tier",
            hint="Take the other file.",
        )
    if manifest.version == wanted.running:
        raise ApplyError(f"Version {manifest.version} runs already.", reason="same_version", hint="Nothing is to do.")
    if bundle.order(manifest.version) < bundle.order(wanted.running) and not wanted.downgrade:
        raise ApplyError(
            f"Version {manifest.version} is older than {wanted.running}, which runs.",
            reason="downgrade",
            hint="Who means it says so: guardian update apply --downgrade FILE.",
        )


def refuse_failed(host: Host, version: str) -> None:
    """ApplyError for a version that was tried on this machine and left: whoever hands it over again is not obeyed."""
    for past in reversed(host.history()):
        if past.version == version:
            if past.outcome in LEFT:
                raise ApplyError(
                    f"Version {version} was tried here and left: {past.sentence}"[:1000],
                    reason="tried_before",
                    hint="Who means it says so: guardian update apply --force.",
                )
            return


def remember(host: Host) -> None:
    """Keep what is well now: after the update the same has to be well again."""
    private_folder(host.state, mode=0o755)
    command = [GUARDIAN, "status", "--json"]
    told = b""
    with contextlib.suppress(subprocess.TimeoutExpired):
        told = subprocess.run(
            command, stdout=subprocess.PIPE, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL
        ).stdout
    try:
        json.loads(told)["daemons"]
    except (ValueError, KeyError, TypeError):
        told = b""
    if not 0 < len(told) <= MAX_BEFORE:
        raise ApplyError(
            "What is well now cannot be told, so nothing could be judged by it.",
            reason="status_unknown",
            hint="Look at `guardian status` and `guardian doctor`.",
        )
    # Of cameras and addresses, which are nobody's business but root's.
    write_atomic(host.state / "before.json", told, mode=0o600)


def remembered(host: Host) -> bytes:
    """What was kept; empty when it is lost."""
    with contextlib.suppress(OSError):
        return read_plain(host.state / "before.json", MAX_BEFORE)
    return b""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A person's own file: a plain one, or nothing."""
    try:
        with open_plain(path) as file:
            yield file
    except OSError as error:
        raise _unreadable(path, error) from error


@contextlib.contextmanager
def taken(update: Path) -> Iterator[BinaryIO]:
    """What was handed over in `update/ready/bundle`, which is gone from there now: nothing is started by it twice.

    The folder is an unprivileged daemon's: no link in it is followed.
    """
    try:
        with folder_below(update, PurePath("ready")) as folder:
            file = open_plain("bundle", folder=folder)
            remove(folder, "bundle")
    except OSError as error:
        raise _unreadable(update / "ready/bundle", error) from error
    with file:
        yield file


def _unreadable(path: Path, error: OSError) -> ApplyError:
    return ApplyError(
        f"{path} cannot be read: {error.strerror}.", reason="bundle_unreadable", hint="Name the file of an update."
    )


def main() -> None:
    """Exit status 1 when nothing was applied, with the reason."""
    parser = argparse.ArgumentParser(prog="guardian-update-apply", description=__doc__)
    parser.add_argument("--bundle", type=Path, metavar="FILE", help="default: what was fetched from the node")
    parser.add_argument("--downgrade", action="store_true", help="an older version is meant")
    parser.add_argument("--force", action="store_true", help="also a version that was tried here and left")
    parser.add_argument("--no-restart", action="store_true", help="leave the restart to somebody else")
    given = parser.parse_args()
    log.setup("update-apply")
    found, host = "", None
    try:
        host = this_host()
        # What was fetched is taken when its turn has come, for it is gone from there then.
        with host.alone(wait=not given.bundle), opened(given.bundle) if given.bundle else taken(UPDATE) as file:
            keys = seed_image.trusted(host.keys)
            found = bundle.read_manifest(file, keys)[0].version
            file.seek(0)
            means_it = given.force if given.bundle else host.was_asked()
            wanted = Wanted(host.kind, version("guardian"), given.downgrade, means_it)
            manifest = apply(host, file, keys, wanted, _teller())
            remember(host)
            _log.info("update_written", version=manifest.version, kind=manifest.kind)
            host.have_tried(manifest.version)
    except (GuardianError, OSError, subprocess.SubprocessError) as error:
        _refuse(host, error, found, fetched=given.bundle is None)
    if given.no_restart:
        print(f"Version {manifest.version} is tried at the next start.")
        return
    print(f"Version {manifest.version} is tried.", flush=True)
    if host.go(wait=given.bundle is not None) not in ("", "good"):
        sys.exit(f"guardian-update-apply: {host.history()[-1].sentence}")


def _refuse(host: Host | None, error: Exception, found: str, *, fetched: bool) -> NoReturn:
    reason = error.reason if isinstance(error, GuardianError) else "disk_refused"
    _log.error("update_refused", reason=reason, sentence=str(error), version=found)
    if host is not None and reason not in _NO_VERDICT:
        with contextlib.suppress(OSError):
            host.record(found, "not_applied" if reason in _PASSING else "refused", str(error))
    if host is not None and fetched and os.path.lexists(UPDATE / "ready/bundle"):
        # It cannot be taken away, and would start this again and again.
        subprocess.run(["systemctl", "stop", host.waiting], check=False)
    sys.exit(f"guardian-update-apply: {error}" + (f"\n{error.hint}" if isinstance(error, GuardianError) else ""))


def _teller() -> Tell:
    shown: dict[str, int] = {}

    def tell(what: str, part: float) -> None:
        tenth = int(part * 10)
        if shown.get(what) != tenth:
            shown[what] = tenth
            print(f"{what}: {tenth * 10} %", flush=True)

    return tell


if __name__ == "__main__":
    main()
