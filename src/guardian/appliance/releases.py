"""A host with releases, one beside the other, and the note of the one that is tried.

    ROOT/releases/VERSION, current, previous   as roles/python_release/files/guardian_release.py has them
    ROOT/unfinished.json                       only while a release is tried; an upgrade by Ansible has one of its own
    ROOT/judge                                 a link to the release that judges, the one before; gone when it is over

Whatever is left half done is finished by these two, so that no more than a file has to be written whole.
"""

import contextlib
import json
import os
import subprocess
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from guardian.appliance import host, release_writing
from guardian.appliance.host import ApplyError
from guardian.appliance.screen import Tell
from guardian.appliance.slots import SlotError
from guardian.common.bundle import Manifest
from guardian.common.files import OddFileError, read_plain, write_atomic

ROOT = Path("/opt/guardian")
JUDGE = "guardian-release-judge.service"
# What runs for ever, in the order it is restarted; playbooks/release/vars.yml has the same.
UNITS = {
    "edge": ("metrics.service", "tunnel.service", "uplink.service", "analyzer.service", "camera@*.service"),
    "node": ("metrics.service", "hub.service", "gateway.service", "relay.service", "agent.service"),
}
# How often it is begun to judge a release; cut off as often, it is left.
TRIES = 2
_MAX_BYTES = 64 << 10


@dataclass(frozen=True)
class Note:
    """A release on trial. `units` ran before and are restarted, in this order; `previous` was the link of that name.

    `left`: how often it may still be judged. `verdict`, `sentence`: what was found; all that is left is to obey it.
    """

    old: str
    new: str
    previous: str
    units: tuple[str, ...]
    left: int = TRIES
    verdict: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class Host(host.Host):
    """A host of one tier, and where on it all this lies."""

    waiting: ClassVar[str] = "guardian-release-apply.path"
    keys: ClassVar[Path] = Path("/etc/guardian/update-keys")

    root: Path = ROOT
    state: Path = host.STATE
    # Where units go; and the program that is systemd's hand.
    system: Path = Path("/")
    systemctl: str = "systemctl"

    @property
    def running(self) -> str:
        """The version in force; SlotError where there is no release."""
        if found := self.linked("current"):
            return found
        raise SlotError(
            "This machine has neither slots of our image nor a release below /opt/guardian.",
            reason="no_slots",
            hint="Run this on a Mini PC of ours, or on a host that site.yml made.",
        )

    @property
    def tier(self) -> str:
        """Edge or node; SlotError for what Ansible alone upgrades."""
        tiers = self.installed(self.running).get("tiers")
        if not isinstance(tiers, list) or len(tiers) != 1 or tiers[0] not in UNITS:
            raise SlotError(
                "Releases of this host are put in force by Ansible alone: it is no edge and no node.",
                reason="no_slots",
                hint="Look at playbooks/upgrade.yml.",
            )
        return str(tiers[0])

    @property
    def kind(self) -> str:
        """Releases of its own tier."""
        return f"{self.tier}-release"

    def folder(self, version: str) -> Path:
        """Where a release lies."""
        return self.root / "releases" / version

    def linked(self, name: str) -> str:
        """The version that a link names; '' for none."""
        try:
            return Path(os.readlink(self.root / name)).name
        except OSError:
            return ""

    def installed(self, version: str) -> dict[str, Any]:
        """What was noted when it was installed whole; empty where it was not."""
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(read_plain(self.folder(version) / "installed.json", _MAX_BYTES))
            return found if isinstance(found, dict) else {}
        return {}

    @property
    def note(self) -> Note | None:
        """The trial there is. A note that is not ours is a play's: see `refuse_while_tried`."""
        # One that cannot be read is no sign that there is none: OSError.
        with contextlib.suppress(FileNotFoundError, OddFileError, ValueError, TypeError, KeyError):
            told = json.loads(read_plain(self.root / "unfinished.json", _MAX_BYTES))
            if told.pop("by") == "update":
                return Note(**{**told, "units": tuple(told["units"])})
        return None

    def keep(self, note: Note, **changes: Any) -> Note:
        """Say what has changed of the trial, all at once."""
        note = replace(note, **changes)
        data = json.dumps({"by": "update", **asdict(note)}).encode()
        write_atomic(self.root / "unfinished.json", data, mode=0o600)
        return note

    def end(self) -> None:
        """No trial any more; the link last, for by it a judge is started who finds out."""
        (self.root / "unfinished.json").unlink(missing_ok=True)
        (self.root / "judge").unlink(missing_ok=True)

    def refuse_while_tried(self) -> None:
        """Nor while Ansible is between two releases, or was cut off there."""
        if self.note is not None:
            raise ApplyError(
                "A release is being tried.", reason="on_trial", hint="Wait some minutes; `guardian update history`."
            )
        if (self.root / "unfinished.json").exists():
            raise ApplyError(
                "An upgrade by Ansible is not finished here.",
                reason="play_unfinished",
                hint="Run playbooks/upgrade.yml or rollback.yml again: it finishes it.",
            )

    def refuse_parts(self, manifest: Manifest) -> None:
        """A release, and models where it brings some."""
        names = {part.name for part in manifest.parts}
        if release_writing.RELEASE not in names or not names <= {release_writing.RELEASE, release_writing.MODELS}:
            raise ApplyError("This update does not hold a release.", reason="bundle_malformed", hint="Make it anew.")

    def write(self, file: BinaryIO, manifest: Manifest, tell: Tell) -> None:
        """Installed beside the others, by its own installer."""
        release_writing.write(release_writing.Target(self.root, self.tier), file, manifest, tell)

    @property
    def before(self) -> str:
        """The release before, where it is whole and can be put in force without Ansible."""
        found = self.linked("previous")
        able = found and self.installed(found) and (self.folder(found) / release_writing.UNITS).is_file()
        return found if able and found != self.linked("current") else ""

    def refuse_going_back(self, version: str) -> None:
        """Nor for a release that would not start here, or may not use what a newer one made of the stores."""
        self.refuse_while_tried()
        command = [str(self.folder(version) / "bin/guardian"), "selfcheck", "--stores", "--tier", self.tier]
        plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
        done = subprocess.run(command, env=plain, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode:
            raise ApplyError(
                f"{version} would not do here: {done.stderr.strip()[-1000:]}",
                reason="release_refused",
                hint="What is in force was not touched. Older stores are in a backup of that time alone.",
            )

    def have_tried(self, version: str) -> None:
        """It is judged by the release that is in force now, for that one is known to work."""
        self.refuse_while_tried()
        link(self.root, "judge", self.running)
        self.keep(Note(self.running, version, self.linked("previous"), self.daemons()))

    def daemons(self) -> tuple[str, ...]:
        """What is to run, in the order it is restarted. One call each: which cameras there are is known to systemd."""
        states = "--state=active,activating,failed"
        found: list[str] = []
        for unit in UNITS[self.tier]:
            command = [self.systemctl, "list-units", "--plain", "--no-legend", "--full", states, f"guardian-{unit}"]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
            found += [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
        return tuple(found)

    def go(self, *, wait: bool) -> str:
        """By the judge, who puts it in force first."""
        told = len(self.history())
        subprocess.run([self.systemctl, *([] if wait else ["--no-block"]), "start", JUDGE], check=False)
        return self.history()[-1].outcome if wait and len(self.history()) > told else ""


def link(root: Path, name: str, version: str) -> None:
    """Point a link at a release; whoever looks sees the old one or the new."""
    aside = root / f".{name}.new"
    aside.unlink(missing_ok=True)
    aside.symlink_to(Path("releases", version))
    aside.replace(root / name)
    os.sync()
