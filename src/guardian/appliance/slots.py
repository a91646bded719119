"""Which slot starts next, in GRUB's words; which version lies in each, as files."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO, ClassVar

from guardian.appliance import disks, grubenv, host, layout, ours, slot_writing
from guardian.appliance.host import ApplyError
from guardian.appliance.mounts import mounted
from guardian.appliance.screen import Tell
from guardian.common import bundle
from guardian.common.bundle import Manifest
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, sync_directory, write_atomic

OTHER = {"A": "B", "B": "A"}
TIER = Path("/usr/lib/guardian-appliance/tier")


class SlotError(GuardianError):
    """This machine has no slots, or they cannot be used as asked."""


@dataclass(frozen=True)
class Words:
    """GRUB's environment; packer/grub.cfg says what each word means."""

    good: str = "A"
    trial: str = ""
    left: str = "2"
    reached: str = ""
    verdict: str = ""
    starts: str = ""

    def said(self) -> dict[str, str]:
        """As the file has them."""
        return asdict(self)

    @classmethod
    def of(cls, said: dict[str, str]) -> "Words":
        """From a file; words that are not known are left out, and a good slot that is none is A, as GRUB has it."""
        known = {name: said[name] for name in cls.__dataclass_fields__ if name in said}
        words = cls(**known)
        return words if words.good in OTHER else replace(words, good="A")


@dataclass(frozen=True)
class Host(host.Host):
    """A machine that runs from a slot, and where on it all this lies."""

    waiting: ClassVar[str] = "guardian-update-apply.path"
    keys: ClassVar[Path] = Path("/usr/lib/guardian-appliance/update-keys")

    image: Path = bundle.SLOT.parent
    state: Path = host.STATE
    # What GRUB told the kernel.
    told: Path = Path("/proc/cmdline")
    # What mounts the boot partition; a test has a folder instead.
    boot_folder: Path | None = None

    @property
    def running(self) -> str:
        """The slot this system was started from, A or B; SlotError on a machine without."""
        try:
            slot = (self.image / "slot").read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            slot = ""
        if slot not in OTHER:
            raise SlotError(
                "This machine does not run from a slot of our image.",
                reason="no_slots",
                hint="Look at playbooks/upgrade.yml.",
            )
        return slot

    @property
    def disk(self) -> str:
        """The disk that this system was started from, such as /dev/nvme0n1."""
        device = ours.started_from()
        disk = disks.whole(device)
        if not device or disk == device:
            raise SlotError("The disk that this system was started from cannot be found.", reason="no_slots")
        return disk

    def device(self, slot: str) -> str:
        """A slot's partition."""
        return layout.device(self.disk, layout.SLOTS[slot])

    @contextlib.contextmanager
    def boot(self, mode: str) -> Iterator[Path]:
        """The boot partition's files for a while, `ro` or `rw`."""
        if self.boot_folder is not None:
            yield self.boot_folder
            return
        with mounted(layout.device(self.disk, layout.BOOT), "vfat", mode) as folder:
            yield folder

    def words(self) -> Words:
        """What GRUB reads now."""
        with self.boot("ro") as folder:
            return Words.of(grubenv.read(folder / grubenv.PLACE))

    def change(self, **words: str) -> Words:
        """Put some words in place of what they are, all at once; what they are now."""
        with self.boot("rw") as folder:
            path = folder / grubenv.PLACE
            changed = replace(Words.of(grubenv.read(path)), **words)
            grubenv.write(path, changed.said())
        return changed

    def renew_words(self) -> Words:
        """In place of words that are damaged: what runs is the good slot, or on trial if GRUB started it for that."""
        if "guardian.trial=1" in self.told.read_text("ascii", "replace").split():
            words = Words(good=OTHER[self.running], trial=self.running, left="0")
        else:
            words = Words(good=self.running)
        with self.boot("rw") as folder:
            grubenv.renew(folder / grubenv.PLACE, words.said())
        return words

    def try_next(self, slot: str) -> None:
        """Have a slot tried at the next start; the good one stays the good one."""
        self.change(trial=slot, left="2", reached="", verdict="")

    def version_in(self, slot: str) -> str:
        """Which version lies whole in a slot; '' when none is known to."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            return str(json.loads((self.state / f"{slot}.json").read_bytes()[:4096])["version"])
        return ""

    def note_version(self, slot: str, version: str) -> None:
        """Say which version lies in a slot; '' before it is written to."""
        private_folder(self.state, mode=0o755)
        path = self.state / f"{slot}.json"
        if version:
            write_atomic(path, json.dumps({"version": version}).encode(), mode=0o644)
        else:
            path.unlink(missing_ok=True)
            sync_directory(self.state)

    @property
    def kind(self) -> str:
        """Whole systems of its own tier."""
        return TIER.read_text("ascii").strip()

    def refuse_while_tried(self) -> None:
        """ApplyError while this system is on trial itself, or the other one is about to be."""
        trial = self.words().trial
        if trial and trial != self.running:
            raise ApplyError(
                f"The system in slot {trial} is tried at the next start.",
                reason="on_trial",
                hint="Restart the machine.",
            )
        if trial:
            raise ApplyError(
                "This system is being tried itself.",
                reason="on_trial",
                hint="Wait until it was found good, some minutes after its start.",
            )

    def refuse_parts(self, manifest: Manifest) -> None:
        """A system and what starts it."""
        if sorted(part.name for part in manifest.parts) != sorted([layout.SYSTEM, *layout.KERNEL]):
            raise ApplyError(
                "This update does not hold a whole system.", reason="bundle_malformed", hint="Make it anew."
            )

    def write(self, file: BinaryIO, manifest: Manifest, tell: Tell) -> None:
        """Into the other slot, and read back from there."""
        slot = OTHER[self.running]
        # From here on there is nothing else to go back to. GRUB came here, maybe, because the good one could not start.
        self.change(good=self.running)
        self.note_version(slot, "")
        slot_writing.write(slot_writing.Target(self.device(slot), slot, self.boot), file, manifest, tell)
        self.note_version(slot, manifest.version)

    @property
    def before(self) -> str:
        """What lies whole in the other slot."""
        return self.version_in(OTHER[self.running])

    def refuse_going_back(self, version: str) -> None:
        """ApplyError where the other slot waits to be tried: that is no way back.

        Who is on trial may leave it, and a system that cannot use its stores is found out by trying.
        """
        if self.words().trial == OTHER[self.running]:
            self.refuse_while_tried()

    def have_tried(self, version: str) -> None:
        """The other slot, whatever lies there."""
        if not self.words().trial:
            # GRUB may have come here because the good one could not start.
            self.change(good=self.running)
        self.try_next(OTHER[self.running])

    def go(self, *, wait: bool) -> str:
        """By a restart: nobody can wait for its end."""
        subprocess.run(["systemctl", "reboot"], check=False)
        return ""
