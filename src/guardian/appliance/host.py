"""A machine that updates are put in place on: one at a time, each tried before it stays, and what became of them."""

import contextlib
import fcntl
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

from guardian.appliance.screen import Tell
from guardian.common.bundle import Manifest
from guardian.common.clock import now, to_text
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, write_atomic

STATE = Path("/var/lib/guardian/slots")
# Outcomes after which a version is not taken again by itself; the others are good, not_judged, not_applied, refused.
LEFT = ("unhealthy", "never_came_up", "left")
# What is missing, one sentence each, for what was well before and a version; nothing when all of it is well again.
Settle = Callable[[bytes, str], list[str]]
_KEPT = 100
_MAX_BYTES = 256 << 10


class ApplyError(GuardianError):
    """An update that was not applied; the machine is as it was."""


@dataclass(frozen=True)
class Past:
    """What became of one update; `time` RFC 3339 UTC."""

    version: str
    outcome: str
    sentence: str
    time: str


class Host(ABC):
    """What all machines have in common; what an update takes the place of is said by the two kinds of them."""

    state: Path
    # The unit that waits for what was fetched, and the folder with the public keys of whose updates are taken.
    waiting: ClassVar[str]
    keys: ClassVar[Path]

    @property
    @abstractmethod
    def running(self) -> str:
        """What is in force, a slot or a release's version; SlotError on a machine that has neither."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """The kind of bundle it takes."""

    @abstractmethod
    def refuse_while_tried(self) -> None:
        """ApplyError while an update is on trial."""

    @abstractmethod
    def refuse_parts(self, manifest: Manifest) -> None:
        """ApplyError for a bundle that is not whole."""

    @abstractmethod
    def write(self, file: BinaryIO, manifest: Manifest, tell: Tell) -> None:
        """Lay it beside what runs; nothing that starts is changed. `file` is where its parts begin."""

    @property
    @abstractmethod
    def before(self) -> str:
        """Which version can be gone back to; '' for none."""

    def refuse_going_back(self, version: str) -> None:
        """ApplyError where that version must not be tried now."""
        self.refuse_while_tried()

    @abstractmethod
    def have_tried(self, version: str) -> None:
        """What lies beside is to be tried; what is in force stays the good one."""

    @abstractmethod
    def go(self, *, wait: bool) -> str:
        """Begin with the trial. Where its end can be waited for, and `wait` says so, its outcome; else ''."""

    @contextlib.contextmanager
    def alone(self, *, wait: bool = False) -> Iterator[None]:
        """While an update is put in place or chosen: one at a time; ApplyError `slots_in_use`, unless `wait`."""
        lock = os.open(private_folder(self.state, mode=0o755) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise ApplyError(
                "An update is being put in place.", reason="slots_in_use", hint="Wait until it is done."
            ) from None
        else:
            yield
        finally:
            os.close(lock)

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
