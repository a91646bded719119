"""`guardian-usb-camera videoN`: a camera that is plugged in for the first time gets a file, and so a daemon.

`STATE/usb-cameras/seen.json` remembers which camera each device became, so that one whose file the owner took away does
not come back.
"""

import argparse
import fcntl
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import yaml

from guardian.common import config, log
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, read_plain, write_atomic
from guardian.common.ids import is_camera_id
from guardian.edge import v4l2
from guardian.edge.config import DEFAULT_CONFIG, CameraFile, EdgeConfig, list_cameras, load_camera

_log = log.get(__name__)
# Beyond that somebody plugs in what is no camera, to fill the disk or the machine.
MOST = 16
_MOST_BYTES = 64 << 10
_OURS = re.compile(r"usb([0-9]{1,4})")


def main() -> NoReturn:
    """Console script, for udev's rule by way of systemd."""
    parser = argparse.ArgumentParser(prog="guardian-usb-camera", description="Watch a camera that was plugged in.")
    parser.add_argument("node", metavar="videoN", nargs="?", default="", help="the device, by the kernel's name")
    parser.add_argument(
        "--config", type=Path, default=Path(DEFAULT_CONFIG), metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    parser.add_argument("--version", action="version", version=version("guardian"))
    arguments = parser.parse_args()
    log.setup("usb-camera")
    try:
        settings = config.load(EdgeConfig, arguments.config)
        if arguments.check:
            print(f"{arguments.config}: good")
            sys.exit(0)
        if not arguments.node:
            parser.error("which device?")
        print(plugged(settings, arguments.node), flush=True)
    except GuardianError as error:
        _log.critical("cannot_start", reason=error.reason, sentence=str(error))
        print(f"guardian-usb-camera: {error}", file=sys.stderr)
        sys.exit(78 if error.reason.startswith("config_") else 1)
    sys.exit(0)


def plugged(settings: EdgeConfig, kernel: str, sysfs: Path = v4l2.SYSFS) -> str:
    """Write the file if there is to be one; what was done, for a person."""
    if not settings.add_usb_cameras:
        return "Cameras that are plugged in are not added by themselves: add_usb_cameras is off."
    with _alone(settings.state_dir / "usb-cameras") as memory:
        node = v4l2.node(kernel, sysfs)
        if node is None:
            return f"{kernel} is gone again, or is no device that could be known again."
        seen = _seen(memory)
        if node.name in seen:
            return f"{node.source} is known: it became {seen[node.name]}."
        camera = _watching(settings, node)
        if not camera:
            if len(seen) >= MOST:
                raise GuardianError(
                    f"{MOST} cameras were added by themselves already; {node.source} is not.",
                    reason="usb_cameras_count",
                    hint="Write a file for it by hand.",
                )
            camera = _write(settings, node, seen)
        write_atomic(memory, json.dumps(seen | {node.name: camera}, indent=1).encode())
        return f"{node.source} is {camera}."


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """What is remembered; a device's nodes come all at once."""
    private_folder(folder)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / "seen.json"


def _seen(memory: Path) -> dict[str, str]:
    try:
        found = json.loads(read_plain(memory, _MOST_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise GuardianError(
            f"{memory} cannot be read.",
            reason="usb_cameras_memory",
            hint="Remove it: cameras that are plugged in and have no file are added anew.",
        ) from error
    if not isinstance(found, dict):
        return {}
    return {str(name): str(camera) for name, camera in found.items() if is_camera_id(str(camera))}


def _watching(settings: EdgeConfig, node: v4l2.Node) -> str:
    """Which camera has that device already, by its file."""
    for camera in list_cameras(settings):
        try:
            if load_camera(settings, camera).device == node.name:
                return camera
        except GuardianError:
            # Said by those who would start it.
            continue
    return ""


def _write(settings: EdgeConfig, node: v4l2.Node, seen: dict[str, str]) -> str:
    # Never a number again: recordings of the camera that had it may be there.
    taken = [int(match[1]) for name in {*seen.values(), *list_cameras(settings)} if (match := _OURS.fullmatch(name))]
    camera = f"usb{max(taken, default=0) + 1}"
    said = {"name": node.card or "USB camera", "path": node.source}
    config.parse(CameraFile, said, source=node.source)
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True)
    write_atomic(settings.cameras_dir / f"{camera}.yaml", text.encode(), mode=0o640)
    _log.info("usb_camera_added", camera=camera, node=node.kernel)
    return camera


if __name__ == "__main__":
    main()
