"""A system's parts into a slot, read back from there: what starts is not touched, and the slot gets its kernel last."""

import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from guardian.appliance import medium
from guardian.appliance.host import ApplyError
from guardian.appliance.layout import KERNEL, SYSTEM, aside, give_kernel
from guardian.appliance.screen import Tell
from guardian.common import bundle
from guardian.common.bundle import BundleError, Manifest, Part
from guardian.common.files import sync_directory


@dataclass(frozen=True)
class Target:
    """A slot: its partition, its name, and how the boot partition is had, `ro` or `rw`."""

    device: str
    slot: str
    boot: Callable[[str], AbstractContextManager[Path]]


def write(target: Target, file: BinaryIO, manifest: Manifest, tell: Tell) -> None:
    """`file` is where the bundle's parts begin. Raises BundleError or ApplyError."""
    parts = {part.name: part for part in manifest.parts}
    with target.boot("rw") as boot:
        place = boot / target.slot
        place.mkdir(exist_ok=True)
        for name in KERNEL:
            (place / name).unlink(missing_ok=True)
        # Durably: a slot that is written to has no kernel, whenever the power goes.
        sync_directory(place)
        for part in manifest.parts:
            if part.name == SYSTEM:
                _write_system(target.device, file, part, tell)
            else:
                _write_kernel(place / aside(part.name), file, part)
        if file.read(1):
            raise BundleError("The update is longer than it says.", reason="bundle_damaged", hint="Fetch it again.")
    _check(target, parts, tell)
    # Without a kernel the slot starts nothing: it gets one last.
    with target.boot("rw") as boot:
        give_kernel(boot / target.slot)


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


def _check(target: Target, parts: dict[str, Part], tell: Tell) -> None:
    """Read back what lies on the disk, not what memory remembers of it."""
    medium.forget(Path(target.device))
    with open(target.device, "rb") as device:
        found = {SYSTEM: medium.digest(device, parts[SYSTEM].size, lambda part: tell("Reading it back", part))}
    with target.boot("ro") as boot:
        for name in KERNEL:
            path = boot / target.slot / aside(name)
            medium.forget(path)
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    if any(found[name] != part.sha256 for name, part in parts.items()):
        raise ApplyError(
            "The disk does not hold what was written to it: the update is left.",
            reason="disk_refused",
            hint="The disk may be broken. Look at `guardian doctor` and replace it soon.",
        )
