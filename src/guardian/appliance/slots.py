"""Which slot starts next, in GRUB's words; which version lies in each, and what became of updates, as files."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from guardian.appliance import disks, grubenv, layout, ours
from guardian.appliance.mounts import mounted
from guardian.common.clock import now, to_text
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, write_atomic

OTHER = {"A": "B", "B": "A"}
# Outcomes after which a version is not taken again by itself; the others are good, not_judged and refused.
LEFT = ("unhealthy", "never_came_up", "left")
_KEPT = 100
_MAX_BYTES = 256 << 10


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
class Past:
    """What became of one update; `time` RFC 3339 UTC."""

    version: str
    outcome: str
    sentence: str
    time: str


@dataclass(frozen=True)
class Host:
    """A machine that runs from a slot, and where on it all this lies."""

    image: Path = Path("/run/image")
    state: Path = Path("/var/lib/guardian/slots")
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
                "This machine does not run from a slot of our image: it is updated by Ansible.",
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

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While slots are written or chosen by hand: one at a time; SlotError `slots_in_use`."""
        lock = os.open(private_folder(self.state, mode=0o755) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SlotError(
                "An update is being put in place.", reason="slots_in_use", hint="Wait until it is done."
            ) from None
        else:
            yield
        finally:
            os.close(lock)

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

    def ask_again(self) -> None:
        """Root means what is handed over next, though it failed here."""
        write_atomic(private_folder(self.state, mode=0o755) / "asked", b"", mode=0o600)

    def was_asked(self) -> bool:
        """Whether it does; it is said once."""
        try:
            (self.state / "asked").unlink()
        except FileNotFoundError:
            return False
        return True

    def record(self, version: str, outcome: str, sentence: str) -> Past:
        """Keep what became of an update: one more line of `history.jsonl`."""
        private_folder(self.state, mode=0o755)
        past = Past(version, outcome, sentence, to_text(now()))
        lines = [json.dumps(asdict(item)) for item in [*self.history(), past][-_KEPT:]]
        write_atomic(self.state / "history.jsonl", "".join(f"{line}\n" for line in lines).encode(), mode=0o644)
        return past

    def history(self) -> list[Past]:
        """What became of all updates that are remembered, oldest first; lines that are none are left out."""
        found = []
        with contextlib.suppress(OSError):
            for line in (self.state / "history.jsonl").read_bytes()[-_MAX_BYTES:].splitlines():
                with contextlib.suppress(ValueError, TypeError):
                    found.append(Past(**json.loads(line)))
        return found
