"""`guardian-update-apply`: a signed system into the slot that does not run, to be tried at the next start.

Root's oneshot, without network. Nothing that starts is changed before every byte was read back: cut short at any of
them, the machine starts what it ran before.
"""

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import BinaryIO

from guardian.appliance import medium
from guardian.appliance.layout import KERNEL, SYSTEM
from guardian.appliance.screen import Tell
from guardian.appliance.slots import LEFT, OTHER, Host
from guardian.common import bundle, log, seed_image
from guardian.common.bundle import BundleError, Manifest, Part
from guardian.common.errors import GuardianError
from guardian.common.files import folder_below, open_plain, private_folder, remove, sync_directory, write_atomic

# guardian-update's, who hands over in `ready/bundle`.
UPDATE = Path("/var/lib/guardian/update")
KEYS = Path("/usr/lib/guardian-appliance/update-keys")
TIER = Path("/usr/lib/guardian-appliance/tier")
GUARDIAN = "/opt/guardian/current/bin/guardian"
# Bytes of what `guardian status --json` says: as much as `guardian settle` reads.
MAX_BEFORE = 4 << 20
_SECONDS = 120
_log = log.get(__name__)


class ApplyError(GuardianError):
    """An update that was not applied; the machine is as it was."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of an update; `running` is this system's own version, `again`: also one that failed here."""

    tier: str
    running: str
    downgrade: bool = False
    again: bool = False


def apply(host: Host, file: BinaryIO, keys: list[bytes], wanted: Wanted, tell: Tell) -> Manifest:
    """Write the bundle's system into the other slot and have it tried at the next start.

    Args:
        file: the bundle, from its beginning.
        tell: is told what is done, and how much of it, 0 to 1.

    Raises BundleError, ApplyError or SlotError; whatever happened, the next start is that of the running slot.
    """
    if host.words().trial:
        raise ApplyError(
            "This system is being tried itself.",
            reason="on_trial",
            hint="Wait until it was found good, some minutes after its start.",
        )
    manifest, _ = bundle.read_manifest(file, keys)
    refuse_unfit(manifest, wanted)
    if not wanted.again:
        refuse_failed(host, manifest.version)
    file.seek(0)
    # All of it before anything is overwritten: a damaged one costs nobody what could be gone back to.
    bundle.verify(file, keys, lambda part: tell("Verifying the update", part))
    file.seek(0)
    bundle.read_manifest(file, keys)
    slot = OTHER[host.running]
    parts = {part.name: part for part in manifest.parts}
    # From here on there is nothing else to go back to. GRUB may have come here because the good one could not start.
    host.change(good=host.running)
    host.note_version(slot, "")
    with host.boot("rw") as boot:
        place = boot / slot
        place.mkdir(exist_ok=True)
        for name in KERNEL:
            (place / name).unlink(missing_ok=True)
        for part in manifest.parts:
            if part.name == SYSTEM:
                _write_system(host.device(slot), file, part, tell)
            else:
                _write_kernel(place / _aside(part.name), file, part)
        if file.read(1):
            raise BundleError("The update is longer than it says.", reason="bundle_damaged", hint="Fetch it again.")
    _check(host, slot, parts, tell)
    # Without a kernel the slot starts nothing: it gets one last.
    with host.boot("rw") as boot:
        for name in KERNEL:
            (boot / slot / _aside(name)).replace(boot / slot / name)
        sync_directory(boot / slot)
    host.note_version(slot, manifest.version)
    return manifest


def refuse_unfit(manifest: Manifest, wanted: Wanted) -> None:
    """ApplyError for a system of another tier, one that is not newer, or one that is not whole."""
    if manifest.kind != wanted.tier:
        raise ApplyError(
            f"This update is for machines of tier {manifest.kind}; this one is of tier {wanted.tier}.",
            reason="wrong_tier",
            hint="Take the other file.",
        )
    if sorted(part.name for part in manifest.parts) != sorted([SYSTEM, *KERNEL]):
        raise ApplyError("This update does not hold a whole system.", reason="bundle_malformed", hint="Make it anew.")
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


def _write_system(device: str, file: BinaryIO, part: Part, tell: Tell) -> None:
    with open(device, "r+b", buffering=0) as target:
        if part.size > target.seek(0, os.SEEK_END):
            raise ApplyError(
                "The new system does not fit into its slot.", reason="slot_too_small", hint="Install the machine anew."
            )
        target.seek(0)
        done = 0
        for block in bundle.blocks(file, part):
            view = memoryview(block)
            while view:
                view = view[target.write(view) :]
            done += len(block)
            tell("Writing the system", done / part.size)
        os.fsync(target.fileno())


def _write_kernel(path: Path, file: BinaryIO, part: Part) -> None:
    with path.open("wb") as target:
        target.writelines(bundle.blocks(file, part))
        target.flush()
        os.fsync(target.fileno())
    sync_directory(path.parent)


def _aside(name: str) -> str:
    return f"{name}.new"


def _check(host: Host, slot: str, parts: dict[str, Part], tell: Tell) -> None:
    """Read back what lies on the disk, not what memory remembers of it."""
    medium.forget(Path(host.device(slot)))
    with open(host.device(slot), "rb") as device:
        found = {SYSTEM: medium.digest(device, parts[SYSTEM].size, lambda part: tell("Reading it back", part))}
    with host.boot("ro") as boot:
        for name in KERNEL:
            path = boot / slot / _aside(name)
            medium.forget(path)
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    if any(found[name] != part.sha256 for name, part in parts.items()):
        raise ApplyError(
            "The disk does not hold what was written to it: the update is left.",
            reason="disk_refused",
            hint="The disk may be broken. Look at `guardian doctor` and replace it soon.",
        )


def remember(host: Host) -> None:
    """Keep what is well now: after the update the same has to be well again."""
    private_folder(host.state, mode=0o755)
    told = subprocess.run(
        [GUARDIAN, "status", "--json"], stdout=subprocess.PIPE, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL
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
    host = Host()
    found = ""
    try:
        tier = TIER.read_text("ascii").strip()
        with opened(given.bundle) if given.bundle else taken(UPDATE) as file, host.alone():
            keys = seed_image.trusted(KEYS)
            found = bundle.read_manifest(file, keys)[0].version
            file.seek(0)
            means_it = given.force if given.bundle else host.was_asked()
            wanted = Wanted(tier, version("guardian"), given.downgrade, means_it)
            manifest = apply(host, file, keys, wanted, _teller())
            remember(host)
            _log.info("update_written", version=manifest.version, slot=OTHER[host.running])
            host.try_next(OTHER[host.running])
    except (GuardianError, OSError, subprocess.SubprocessError) as error:
        reason = error.reason if isinstance(error, GuardianError) else "disk_refused"
        _log.error("update_refused", reason=reason, sentence=str(error), version=found)
        if reason not in ("same_version", "on_trial", "no_slots", "bundle_unreadable", "tried_before", "slots_in_use"):
            with contextlib.suppress(OSError):
                host.record(found, "refused", str(error))
        if given.bundle is None and os.path.lexists(UPDATE / "ready/bundle"):
            # It cannot be taken away, and would start this again and again.
            subprocess.run(["systemctl", "stop", "guardian-update-apply.path"], check=False)
        sys.exit(f"guardian-update-apply: {error}" + (f"\n{error.hint}" if isinstance(error, GuardianError) else ""))
    print(f"Version {manifest.version} is tried at the next start.")
    if not given.no_restart:
        subprocess.run(["systemctl", "reboot"], check=False)


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
