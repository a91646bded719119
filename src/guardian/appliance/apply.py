"""`guardian-update-apply`: a signed system into the slot that does not run, to be tried at the next start.

Root's oneshot, without network. Nothing that starts is changed before every byte was read back: cut short at any of
them, the machine starts what it ran before.
"""

import argparse
import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from guardian.appliance import medium
from guardian.appliance.slots import OTHER, Host
from guardian.appliance.writing import sync
from guardian.common import bundle, log, seed_image
from guardian.common.bundle import BundleError, Manifest, Part
from guardian.common.errors import GuardianError
from guardian.common.files import open_plain, private_folder, write_atomic

READY = Path("/var/lib/guardian/update/ready/bundle")
KEYS = Path("/usr/lib/guardian-appliance/update-keys")
TIER = Path("/usr/lib/guardian-appliance/tier")
GUARDIAN = "/opt/guardian/current/bin/guardian"
SYSTEM = "system.squashfs"
KERNEL = ("vmlinuz", "initrd.img")
_SECONDS = 120
Tell = Callable[[str, float], None]
_log = log.get(__name__)


class ApplyError(GuardianError):
    """An update that was not applied; the machine is as it was."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of an update; `running` is this system's own version."""

    tier: str
    running: str
    downgrade: bool = False


def apply(host: Host, file: BinaryIO, keys: list[bytes], wanted: Wanted, tell: Tell) -> Manifest:
    """Write the bundle's system into the other slot and have it tried at the next start.

    Args:
        file: the bundle, from its beginning.
        tell: is told what is done, and how much of it, 0 to 1.

    Raises BundleError, ApplyError or SlotError; whatever happened, the next start is that of the running slot.
    """
    if host.is_trial or host.words().trial:
        raise ApplyError(
            "This system is being tried itself.",
            reason="on_trial",
            hint="Wait until it was found good, some minutes after its start.",
        )
    manifest, _ = bundle.read_manifest(file, keys)
    refuse_unfit(manifest, wanted)
    slot = OTHER[host.running]
    parts = {part.name: part for part in manifest.parts}
    # From here on there is nothing to go back to; the running slot does not need it.
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
                _write_kernel(place / part.name, file, part)
        if file.read(1):
            raise BundleError("The update is longer than it says.", reason="bundle_damaged", hint="Fetch it again.")
    _check(host, slot, parts, tell)
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
    with path.with_name(f"{path.name}.new").open("wb") as target:
        target.writelines(bundle.blocks(file, part))
        target.flush()
        os.fsync(target.fileno())
    path.with_name(f"{path.name}.new").replace(path)
    sync(path.parent)


def _check(host: Host, slot: str, parts: dict[str, Part], tell: Tell) -> None:
    """Read back what lies on the disk, not what memory remembers of it."""
    medium.forget(Path(host.device(slot)))
    with open(host.device(slot), "rb") as device:
        found = {SYSTEM: medium.digest(device, parts[SYSTEM].size, lambda part: tell("Reading it back", part))}
    with host.boot("ro") as boot:
        for name in KERNEL:
            medium.forget(boot / slot / name)
            found[name] = hashlib.sha256((boot / slot / name).read_bytes()).hexdigest()
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
    # Of cameras and addresses, which are nobody's business but root's.
    write_atomic(host.state / "before.json", told or b'{"daemons": []}', mode=0o600)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A bundle that lies in a folder of somebody else's: a plain file, or nothing."""
    try:
        with open_plain(path) as file:
            yield file
    except OSError as error:
        raise ApplyError(
            f"{path} cannot be read: {error.strerror}.", reason="bundle_unreadable", hint="Name the file of an update."
        ) from error


def main() -> None:
    """Exit status 1 when nothing was applied, with the reason."""
    parser = argparse.ArgumentParser(prog="guardian-update-apply", description=__doc__)
    parser.add_argument("--bundle", type=Path, default=READY, metavar="FILE", help="default: %(default)s")
    parser.add_argument("--downgrade", action="store_true", help="an older version is meant")
    parser.add_argument("--no-restart", action="store_true", help="leave the restart to somebody else")
    given = parser.parse_args()
    log.setup("update-apply")
    host = Host()
    found = ""
    try:
        tier = TIER.read_text("ascii").strip()
        with opened(given.bundle) as file:
            keys = seed_image.trusted(KEYS)
            found = bundle.read_manifest(file, keys)[0].version
            file.seek(0)
            wanted = Wanted(tier, version("guardian"), given.downgrade)
            manifest = apply(host, file, keys, wanted, _teller())
        remember(host)
        _log.info("update_written", version=manifest.version, slot=OTHER[host.running])
        host.try_next(OTHER[host.running])
    except (GuardianError, OSError) as error:
        reason = error.reason if isinstance(error, GuardianError) else "disk_refused"
        _log.error("update_refused", reason=reason, sentence=str(error), version=found)
        if reason not in ("same_version", "on_trial", "no_slots", "bundle_unreadable"):
            with contextlib.suppress(OSError):
                host.record(found, "refused", str(error))
        _discard(given.bundle)
        sys.exit(f"guardian-update-apply: {error}" + (f"\n{error.hint}" if isinstance(error, GuardianError) else ""))
    _discard(given.bundle)
    print(f"Version {manifest.version} is tried at the next start.")
    if not given.no_restart:
        subprocess.run(["systemctl", "reboot"], check=False)


def _discard(path: Path) -> None:
    """What was handed over is taken, whatever came of it; a person's own file stays."""
    if path == READY:
        path.unlink(missing_ok=True)


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
