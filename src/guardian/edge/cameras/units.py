"""systemd's units of the cameras: which run, what they are told, which may open a device. By checked ids alone."""

import contextlib
import subprocess
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from guardian.common.errors import GuardianError
from guardian.common.ids import is_camera_id

_SECONDS = 60.0
_BEFORE, _AFTER = "guardian-camera@", ".service"
# What lets an instance open a camera on a port of this machine comes with the release; an instance has a link to it.
_DEVICES = Path("/opt/guardian/current/units/optional/guardian-camera@.service.d/70-usb.conf")
RUNTIME = Path("/run/systemd/system")


@dataclass(frozen=True)
class Units:
    """Ids of cameras whose unit is known, and of those that run."""

    loaded: frozenset[str]
    running: frozenset[str]


def seen() -> Units:
    """As systemd has them now."""
    listed = _systemctl("list-units", "--all", "--plain", "--no-legend", "--no-pager", "--full", f"{_BEFORE}*{_AFTER}")
    loaded: set[str] = set()
    running: set[str] = set()
    for line in listed.splitlines():
        fields = line.split()
        if len(fields) < 4:
            continue
        camera = fields[0].removeprefix(_BEFORE).removesuffix(_AFTER)
        if not is_camera_id(camera) or fields[2] == "inactive":
            continue
        loaded.add(camera)
        if fields[2] in ("active", "activating", "reloading"):
            running.add(camera)
    return Units(frozenset(loaded), frozenset(running))


def tell(verb: str, cameras: Iterable[str]) -> None:
    """start, stop, restart or reload; does not wait, for this runs in a job of systemd's own."""
    names = [f"{_BEFORE}{camera}{_AFTER}" for camera in cameras if is_camera_id(camera)]
    if names:
        _systemctl(verb, "--no-block", *names)


def admit(local: AbstractSet[str], bad: AbstractSet[str]) -> frozenset[str]:
    """Have the daemons of these cameras, and of no others, find their device; ids of those for whom that is new.

    Args:
        local: ids of cameras on a port of this machine.
        bad: ids whose file is not good now: what they may do stays as it is.
    """
    folders = [folder for folder in RUNTIME.glob(f"{_BEFORE}*{_AFTER}.d") if (folder / _DEVICES.name).is_symlink()]
    admitted = {folder.name.removeprefix(_BEFORE).removesuffix(f"{_AFTER}.d") for folder in folders}
    new, past = local - admitted, admitted - local - bad
    for camera in new:
        link = _link(camera)
        link.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        link.symlink_to(_DEVICES)
    for camera in past:
        _link(camera).unlink()
        with contextlib.suppress(OSError):
            # Somebody's own drop-in may lie there.
            _link(camera).parent.rmdir()
    if new or past:
        _systemctl("daemon-reload")
    return frozenset(new | past)


def _link(camera: str) -> Path:
    return RUNTIME / f"{_BEFORE}{camera}{_AFTER}.d" / _DEVICES.name


def _systemctl(*arguments: str) -> str:
    try:
        done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GuardianError(f"systemctl does not answer: {error}.", reason="units_unreachable") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[:300]
        raise GuardianError(f"systemctl {arguments[0]} failed: {said}", reason="units_refused")
    return done.stdout
