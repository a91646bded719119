"""`STATE/update/`: what is known of updates, for whoever looks; what an operator asks for; what became of the last."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from guardian.common.clock import now, to_text
from guardian.common.config import Section
from guardian.common.files import private_folder, read_plain, write_atomic
from guardian.edge.update.errors import UpdateError

State = Literal["off", "none", "kept_back", "fetching", "waiting", "ready", "refused", "away"]
_MAX_BYTES = 64 << 10
_MAX_HISTORY = 1 << 20


class Offered(Section):
    """What the node offers; `size` in bytes, `sha256` of the whole in hex."""

    version: str
    size: int
    sha256: str


class Tries(Section):
    """How often one version came damaged, and how often one was handed over."""

    damaged_version: str = ""
    damaged: int = 0
    version: str = ""
    handed_over: int = 0


class Status(Section):
    """`state.json`.

    `off`: updates are switched off. `none`: nothing newer. `kept_back`: there is something newer, not yet for this
    edge, or left by hand. `fetching`: `fetched` of `offered.size` bytes are here. `waiting`: all is here and waits for
    the window. `ready`: handed over. `refused`: not taken, `reason` says why. `away`: the node cannot be asked, or has
    no time.
    """

    time: str = ""
    state: State = "none"
    reason: str = ""
    sentence: str = ""
    running: str = ""
    offered: Offered | None = None
    fetched: int = 0
    window: str = ""
    tries: Tries = Field(default_factory=Tries)


class Asked(Section):
    """`asked.json`, of an operator: put it in place `now`, whatever the hour; also one that failed before (`force`)."""

    now: bool = False
    force: bool = False


class Last(BaseModel):
    """A line of `STATE/slots/history.jsonl`, of whoever judges a new system: what became of one."""

    version: str
    outcome: str
    sentence: str = ""


class Place:
    """The folder and what lies in it."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / "update"
        self.incoming = self.folder / "incoming"
        self.ready = self.folder / "ready"
        self._last = state_dir / "slots" / "history.jsonl"

    @property
    def bundle(self) -> Path:
        """Where an update is handed over."""
        return self.ready / "bundle"

    def make(self) -> None:
        """The folders, where no unit has made them; UpdateError for who is not their owner."""
        if self.folder.exists() and self.folder.stat().st_uid != os.geteuid():
            raise UpdateError(
                f"{self.folder} belongs to another user, who could not go on with what this one leaves there.",
                reason="update_not_its_user",
                hint="Start it as its unit: `systemctl start guardian-update`.",
            )
        for folder in (self.folder, self.incoming, self.ready):
            private_folder(folder, mode=0o750)

    def status(self) -> Status:
        """As it was said last; an empty one when nothing was, or nothing that can be read."""
        try:
            return Status.model_validate_json(read_plain(self.folder / "state.json", _MAX_BYTES))
        except (OSError, ValidationError):
            return Status()

    def say(self, status: Status) -> None:
        """Replace it."""
        stamped = status.model_copy(update={"time": to_text(now())})
        write_atomic(self.folder / "state.json", stamped.model_dump_json(indent=1).encode(), mode=0o640)

    def take_asked(self) -> Asked:
        """What an operator asked for since; once."""
        path = self.folder / "asked.json"
        try:
            asked = Asked.model_validate_json(read_plain(path, _MAX_BYTES))
        except (OSError, ValidationError):
            asked = Asked()
        path.unlink(missing_ok=True)
        return asked

    def last(self, version: str) -> Last | None:
        """What became of this version last; None when it was not tried. UpdateError when that cannot be known."""
        try:
            lines = read_plain(self._last, _MAX_HISTORY).splitlines()
            found = [Last.model_validate_json(line) for line in lines]
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise UpdateError(
                f"{self._last} cannot be read: it would say which version was tried here and failed.",
                reason="update_last_unknown",
            ) from error
        return next((item for item in reversed(found) if item.version == version), None)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One at a time; UpdateError `update_at_work`."""
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UpdateError("Another guardian-update is at work.", reason="update_at_work") from None
        else:
            yield
        finally:
            os.close(lock)


def request(state_dir: Path, *, now: bool = False, force: bool = False) -> None:
    """Ask the next run of guardian-update.service for more than the timer would: by root, before it is started."""
    folder = private_folder(Place(state_dir).folder, mode=0o750)
    write_atomic(folder / "asked.json", json.dumps({"now": now, "force": force}).encode(), mode=0o644)
