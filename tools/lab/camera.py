"""The camera at home: the project's own RTSP camera, playing the garden that the project draws."""

import os
import signal
import subprocess
import time
from pathlib import Path

from tools.lab.places import ROOT, SUPPLIES, Refused, run

FILM = SUPPLIES / "camera" / "garden.film"
PORT = 8554
# As in inventories/molecule, which says why it is no secret.
LOGIN = ["--user", "viewer", "--password", "correct horse battery staple"]


def start() -> None:
    """Play the film in the home, over and over."""
    if not FILM.exists():
        raise Refused("There is no film: `python -m tools.lab supply` makes it.")
    stop()
    server = ["/usr/bin/python3", str(ROOT / "tools/camera/serve.py"), "--address", "0.0.0.0", "--port", str(PORT)]
    with (run() / "camera.log").open("wb") as log:
        process = subprocess.Popen(
            ["ip", "netns", "exec", "home", *server, *LOGIN, f"front={FILM}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    for _ in range(100):
        if "ready" in (run() / "camera.log").read_text(errors="replace"):
            _file().write_text(str(process.pid), encoding="ascii")
            return
        time.sleep(0.05)
    raise Refused(f"The camera does not start: {(run() / 'camera.log').read_text(errors='replace')[-1000:]}")


def stop() -> None:
    """Switch it off; harmless when it is off."""
    try:
        os.kill(int(_file().read_text(encoding="ascii")), signal.SIGKILL)
    except (OSError, ValueError):
        return
    finally:
        _file().unlink(missing_ok=True)


def _file() -> Path:
    return run() / "camera.pid"
