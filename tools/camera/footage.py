"""Draw footage for tests: coloured shapes walk over a restless background; beside it, when each is in the picture.

    footage.py OUT.mp4 [--width 640 --height 360 --fps 15] [--no-b-frames]

Saturated red and green upright rectangles are persons, blue and yellow flat ones cars, as the detector that the
project builds in code sees them. Visits are written to OUT.json in the form of a hand-made list of visits.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RED, GREEN, BLUE, YELLOW = (230, 20, 20), (20, 210, 20), (20, 20, 230), (230, 220, 20)
LABELS = {RED: "person", GREEN: "person", BLUE: "car", YELLOW: "car"}


@dataclass(frozen=True)
class Walk:
    """One visit: from the left edge to the right one (or back), resting for `stand` seconds on the way."""

    start: float
    seconds: float
    colour: tuple[int, int, int]
    # Height of its centre, fraction of the picture.
    lane: float
    stand: float = 0.0
    leftwards: bool = False

    @property
    def end(self) -> float:
        """When it has left."""
        return self.start + self.seconds

    @property
    def label(self) -> str:
        """What the detector calls it."""
        return LABELS[self.colour]

    def progress(self, now: float) -> float | None:
        """0 to 1 while it is there."""
        if not self.start <= now < self.end:
            return None
        walking = self.seconds - self.stand
        past = now - self.start
        if past > walking / 2:
            past = max(walking / 2, past - self.stand)
        return past / walking


# Several visits, two persons at once, one that stands still, a car.
STORY = (
    Walk(3.0, 7.0, RED, 0.50),
    Walk(13.0, 8.0, GREEN, 0.62, leftwards=True),
    Walk(24.0, 8.0, RED, 0.35),
    Walk(25.0, 8.0, GREEN, 0.72, leftwards=True),
    Walk(36.0, 5.0, BLUE, 0.60),
    Walk(44.0, 16.0, RED, 0.55, stand=9.0),
)
STORY_SECONDS = 64.0


def background(width: int, height: int, seed: int = 7) -> NDArray[np.uint8]:
    """A grey texture larger than the picture, so that it can be shifted."""
    random = np.random.default_rng(seed)
    coarse = random.normal(110, 22, (height // 8 + 4, width // 8 + 4))
    texture = np.kron(coarse, np.ones((8, 8)))[: height + 8, : width + 8]
    made: NDArray[np.uint8] = np.clip(texture, 40, 190).astype(np.uint8)
    return made


def draw(texture: NDArray[np.uint8], walks: Sequence[Walk], now: float, width: int, height: int) -> NDArray[np.uint8]:
    """One RGB picture."""
    random = np.random.default_rng(int(now * 1000))
    noise = random.integers(-5, 6, (height, width), dtype=np.int16)
    grey = np.clip(texture[:height, :width].astype(np.int16) + noise, 0, 255).astype(np.uint8)
    picture = np.repeat(grey[:, :, None], 3, axis=2)
    for walk in walks:
        progress = walk.progress(now)
        if progress is None:
            continue
        tall, wide = (0.34, 0.075) if walk.label == "person" else (0.16, 0.2)
        high, broad = int(tall * height), int(wide * width)
        along = 1 - progress if walk.leftwards else progress
        left = int(along * (width + broad)) - broad
        top = int(walk.lane * height) - high // 2
        picture[max(0, top) : top + high, max(0, left) : max(0, left + broad)] = walk.colour
    return picture


def write(
    out: Path,
    walks: Sequence[Walk] = STORY,
    seconds: float = STORY_SECONDS,
    *,
    width: int = 640,
    height: int = 360,
    fps: int = 15,
    b_frames: int = 2,
    gop: float = 1.0,
    slices: int = 1,
) -> Path:
    """Draw and encode; `OUT.json` beside it lists the visits."""
    texture = background(width, height)
    with av.open(str(out), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        frames = str(max(1, round(gop * fps)))
        options = {"preset": "veryfast", "crf": "24", "bf": str(b_frames), "g": frames, "keyint_min": frames}
        # One slice a picture, as most cameras do it.
        stream.options = {**options, "sc_threshold": "0", "threads": "1", "x264-params": f"slices={slices}"}
        for number in range(round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(draw(texture, walks, number / fps, width, height), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    listed = [
        {"n": number, "label": walk.label, "start": walk.start, "end": walk.end}
        for number, walk in enumerate(walks, start=1)
    ]
    story = {"video": out.name, "label": "person", "seconds_from_start": True, "tolerance_s": 0.5}
    persons = [item for item in listed if item["label"] == "person"]
    text = json.dumps({**story, "method": "drawn", "visits": persons, "all": listed}, indent=1)
    out.with_suffix(".json").write_text(text + "\n")
    return out


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--fps", type=int, default=15)
    parser.add_argument("--no-b-frames", action="store_true")
    arguments = parser.parse_args()
    size = {"width": arguments.width, "height": arguments.height, "fps": arguments.fps}
    write(arguments.out, **size, b_frames=0 if arguments.no_b_frames else 2)


if __name__ == "__main__":
    main()
