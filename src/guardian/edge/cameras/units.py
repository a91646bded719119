"""`systemctl` for the cameras' units; every argument is made of a checked id."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from guardian.common.errors import GuardianError
from guardian.common.ids import is_camera_id

_SECONDS = 60.0
_BEFORE, _AFTER = "guardian-camera@", ".service"


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
    """start, stop or reload; does not wait, for this runs in a job of systemd's own."""
    names = [f"{_BEFORE}{camera}{_AFTER}" for camera in cameras if is_camera_id(camera)]
    if names:
        _systemctl(verb, "--no-block", *names)


def _systemctl(*arguments: str) -> str:
    try:
        done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GuardianError(f"systemctl does not answer: {error}.", reason="units_unreachable") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[:300]
        raise GuardianError(f"systemctl {arguments[0]} failed: {said}", reason="units_refused")
    return done.stdout
