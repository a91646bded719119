"""`guardian-cameras`: starts, stops and reloads `guardian-camera@ID` to match `/etc/guardian/cameras/ID.yaml`."""

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from guardian.common import config, log
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, write_atomic
from guardian.edge.cameras import units
from guardian.edge.cameras.plan import plan
from guardian.edge.cameras.wanted import look
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig

_log = log.get(__name__)
_BAD = 2


def main() -> NoReturn:
    """Console script; exits 2 when a camera's file is not good, after it has taken those that are."""
    parser = argparse.ArgumentParser(prog="guardian-cameras", description="Have a daemon run for each camera's file.")
    parser.add_argument(
        "--config", type=Path, default=Path(DEFAULT_CONFIG), metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    parser.add_argument("--version", action="version", version=version("guardian"))
    arguments = parser.parse_args()
    log.setup("cameras")
    try:
        settings = config.load(EdgeConfig, arguments.config)
        if arguments.check:
            print(f"{arguments.config}: good")
            sys.exit(0)
        bad = apply(settings)
    except GuardianError as error:
        _log.critical("cannot_start", reason=error.reason, sentence=str(error))
        print(f"guardian-cameras: {error}", file=sys.stderr)
        sys.exit(78 if error.reason.startswith("config_") else 1)
    sys.exit(_BAD if bad else 0)


def apply(settings: EdgeConfig) -> dict[str, str]:
    """Do it and say what was done; what is wrong with the files that were not taken, by their names."""
    folder, known = look(settings), units.seen()
    bad = frozenset(name.removesuffix(".yaml") for name in folder.bad)
    for name, sentence in folder.bad.items():
        _log.error("camera_file_refused", file=name, sentence=sentence)
    memory = settings.run_dir / "cameras" / "told.json"
    told = _told(memory)
    changed = units.admit(folder.local, bad)
    what = plan(folder.good, bad, known.loaded, known.running, told, changed)
    for verb in ("stop", "restart", "reload", "start"):
        units.tell(verb, getattr(what, verb))
    private_folder(memory.parent, mode=0o700)
    # What a file said that is not good now is what its daemon still goes by.
    kept = {camera: digest for camera, digest in told.items() if camera in bad}
    write_atomic(memory, json.dumps(kept | folder.good).encode())
    _log.info("cameras_applied", started=what.start, stopped=what.stop, restarted=what.restart, reloaded=what.reload)
    count = len(folder.good)
    print(f"{count} camera{'' if count == 1 else 's'}: {what.text}", flush=True)
    return folder.bad


def _told(memory: Path) -> dict[str, str]:
    """Empty after a boot: then every daemon reads its file anyway."""
    try:
        found = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


if __name__ == "__main__":
    main()
