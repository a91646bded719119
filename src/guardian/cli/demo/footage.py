"""What the simulated camera plays: the reader's file, a sample at hand, Debian's sample, or drawn footage."""

import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from guardian.cli.demo.home import CHECKOUT
from guardian.cli.demo.supervisor import DemoError

SAMPLE = CHECKOUT.parent / "shared" / "video" / "one-by-one-person-detection.mp4"
DEBIAN_SAMPLE = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")

Runner = Callable[[str, list[str]], Awaitable[str]]


@dataclass(frozen=True)
class Footage:
    """A video and what is known about it. `drawn` shapes need the detector that the project builds for them."""

    video: Path
    description: str
    visits: Path | None = None
    drawn: bool = False


def choose(video: str) -> Footage | None:
    """The reader's own video, or the best sample at hand; None when one must be drawn."""
    if video:
        path = Path(video).expanduser().resolve()
        if not path.is_file():
            hint = "VIDEO= takes a file's path."
            raise DemoError(f"There is no video file {path}.", reason="demo_no_video", hint=hint)
        return Footage(path, path.name, _visits_of(path))
    for path in (SAMPLE, DEBIAN_SAMPLE):
        if path.is_file() and os.access(path, os.R_OK):
            return Footage(path, path.name, _visits_of(path))
    return None


async def draw(folder: Path, run: Runner) -> Footage:
    """Footage of coloured shapes, drawn by the project itself."""
    video = folder / "drawn.mp4"
    if not video.exists():
        await run("footage", [sys.executable, str(CHECKOUT / "tools/camera/footage.py"), str(video)])
    return Footage(video, "drawn footage (no sample video on this machine)", _visits_of(video), drawn=True)


async def prepare(footage: Footage, folder: Path, run: Runner) -> Path:
    """What the simulated camera's server reads: made once for each video."""
    command = [sys.executable, str(CHECKOUT / "tools/camera/prepare.py"), str(footage.video), "--cache", str(folder)]
    return Path((await run("camera-prepare", command)).strip().splitlines()[-1])


def server_command(prepared: Path, port: int, *, once: bool) -> list[str]:
    """Debian's GStreamer RTSP server, under Debian's own Python: its bindings live there."""
    python = shutil.which("python3", path="/usr/bin")
    if python is None:
        raise DemoError("There is no /usr/bin/python3.", reason="demo_no_python", hint="apt-get install python3-gi")
    script = CHECKOUT / "tools/camera/serve.py"
    command = [python, str(script), "--port", str(port), "--start-on-connect", f"front={prepared}"]
    return [*command, "--once"] if once else command


def _visits_of(video: Path) -> Path | None:
    for candidate in (video.with_suffix(".json"), video.with_name("visits.json")):
        if candidate.is_file() and video.name in candidate.read_text():
            return candidate
    return None
