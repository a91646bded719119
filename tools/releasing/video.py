"""`python -m tools.releasing.video`: PyAV built against this machine's own FFmpeg, for its own wheel has no VAAPI.

Run it on a machine of the hosts' distribution and Python; role intel_gpu takes what it builds. Needs a C compiler,
python3-dev, pkg-config and FFmpeg's -dev packages.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEEDED = (
    "gcc pkg-config python3-dev libavcodec-dev libavdevice-dev libavfilter-dev libavformat-dev libavutil-dev "
    "libswresample-dev libswscale-dev"
)


@dataclass(frozen=True)
class Source:
    """A PyAV that fits an FFmpeg, and its source's SHA-256."""

    version: str
    sha256: str


# By libavcodec's major version: 59 is FFmpeg 5.1 (Debian 12), 61 FFmpeg 7.1 (Debian 13). With each the camera's tests
# were run. Not 60 (FFmpeg 6.1, Ubuntu 24.04): nobody has tried one.
SOURCES = {
    59: Source("12.3.0", "04b1892562aff3277efc79f32bd8f1d0cbb64ed011241cb3e96f9ad471816c22"),
    61: Source("16.1.0", "a094b4fd87a3721dacf02794d3d2c82b8d712c85b9534437e82a8a978c175ffd"),
}


class Refused(Exception):
    """A sentence for the terminal."""


def main() -> int:
    """Exit status 1 and a sentence when it cannot be built here."""
    parser = argparse.ArgumentParser(prog="python -m tools.releasing.video", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "video", help="default: %(default)s")
    folder: Path = parser.parse_args().folder
    try:
        wheel = build(source_for(ffmpeg()), folder)
    except Refused as refusal:
        print(f"video: {refusal}", file=sys.stderr)
        return 1
    print(f"intel_gpu_av_wheel: {wheel}")
    print(f"intel_gpu_av_sha256: {hashlib.sha256(wheel.read_bytes()).hexdigest()}")
    return 0


def ffmpeg() -> int:
    """libavcodec's major version, as a program that is built here would have it."""
    try:
        done = subprocess.run(["pkg-config", "--modversion", "libavcodec"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise Refused(f"FFmpeg's headers are not here: apt-get install {NEEDED}") from None
    return int(done.stdout.partition(".")[0])


def source_for(major: int) -> Source:
    """Refused where none was tried."""
    if major not in SOURCES:
        known = ", ".join(map(str, SOURCES))
        raise Refused(f"No PyAV is known to work with libavcodec {major} (known: {known}). Build on Debian 12 or 13.")
    return SOURCES[major]


def build(source: Source, folder: Path) -> Path:
    """The wheel, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        pinned = Path(temporary) / "requirements.txt"
        pinned.write_text(f"av=={source.version} --hash=sha256:{source.sha256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-binary", "av", "--require-hashes"]
        done = subprocess.run(
            [*command, "--wheel-dir", temporary, "--requirement", str(pinned)],
            capture_output=True,
            text=True,
            check=False,
        )
        made = list(Path(temporary).glob("av-*.whl"))
        if done.returncode or len(made) != 1:
            raise Refused(f"PyAV {source.version} cannot be built here: {(done.stdout + done.stderr)[-2000:]}")
        target = folder / made[0].name
        target.write_bytes(made[0].read_bytes())
    return target


if __name__ == "__main__":
    sys.exit(main())
