"""Draw footage for tests: figures walk through a garden, as a grainy camera sees it; beside it, when each is there.

    footage.py OUT.mp4 [--width 640 --height 360 --fps 15] [--no-b-frames]

Saturated red and green upright figures are persons, blue and yellow flat ones cars, as the detector that the project
builds in code sees them; nothing else in the picture is that colourful. Visits are written to OUT.json in the form of
a hand-made list of visits.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

RED, GREEN, BLUE, YELLOW = (230, 20, 20), (20, 210, 20), (20, 20, 230), (230, 220, 20)
Colour = tuple[int, int, int]
Picture = NDArray[np.uint8]
LABELS = {RED: "person", GREEN: "person", BLUE: "car", YELLOW: "car"}


@dataclass(frozen=True)
class Walk:
    """One visit: from the left edge to the right one (or back), resting for `stand` seconds on the way."""

    start: float
    seconds: float
    colour: Colour
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


def background(width: int, height: int, seed: int = 7) -> Picture:
    """A garden in the evening: sky, hedge, fence, lawn, and a path to the door of a house."""
    # Drawn twice as large and made smaller, so that edges are soft.
    scene = _Canvas(2 * width, 2 * height)
    scene.fade(0, 0.34, (176, 196, 212), (233, 226, 212))
    for x, y, size in (
        (0.36, 0.1, 0.05),
        (0.41, 0.085, 0.06),
        (0.46, 0.105, 0.045),
        (0.83, 0.07, 0.05),
        (0.88, 0.08, 0.04),
    ):
        scene.disc(x, y, size, size * 0.6, (240, 238, 232))
    random = np.random.default_rng(seed)
    for x in np.linspace(0.2, 1.02, 30):
        scene.disc(x, 0.3 + random.uniform(-0.02, 0.02), 0.045, 0.1, (88 + int(random.integers(0, 14)), 112, 84))
    scene.fade(0.36, 1, (146, 164, 118), (92, 116, 82))
    for _ in range(260):
        x, y = random.uniform(0, 1), random.uniform(0.4, 1)
        scene.line((x, y), (x + 0.004, y - 0.02), (104, 128, 90) if random.uniform() < 0.5 else (150, 168, 122), 2)
    _fence(scene)
    scene.shape([(0.115, 0.455), (0.185, 0.455), (0.5, 0.7), (0.74, 1.0), (0.36, 1.0), (0.22, 0.68)], (196, 184, 162))
    for x, y, size in ((0.19, 0.55, 0.05), (0.27, 0.66, 0.07), (0.4, 0.78, 0.09), (0.5, 0.92, 0.11)):
        scene.disc(x, y, size, size * 0.34, (178, 166, 146))
    _house(scene)
    _tree(scene, random)
    return scene.smaller()


class _Canvas:
    """Shapes in fractions of the picture."""

    def __init__(self, width: int, height: int) -> None:
        self.picture: Picture = np.zeros((height, width, 3), np.uint8)
        self._size = (width, height)

    def fade(self, top: float, bottom: float, above: Colour, below: Colour) -> None:
        """A band from one colour to another."""
        first, last = round(top * self._size[1]), round(bottom * self._size[1])
        share = np.linspace(0, 1, last - first)[:, None, None]
        self.picture[first:last] = np.asarray(above) * (1 - share) + np.asarray(below) * share

    def shape(self, corners: Sequence[tuple[float, float]], colour: Colour) -> None:
        """A filled polygon."""
        points = np.array([self._at(*corner) for corner in corners], np.int32)
        cv2.fillPoly(self.picture, [points], colour, cv2.LINE_AA)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle."""
        self.shape([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def disc(self, x: float, y: float, across: float, high: float, colour: Colour) -> None:
        """A filled ellipse, by its half axes as fractions of the width and the height."""
        axes = (max(round(across * self._size[0]), 1), max(round(high * self._size[1]), 1))
        cv2.ellipse(self.picture, self._at(x, y), axes, 0, 0, 360, colour, -1, cv2.LINE_AA)

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: Colour, thick: int) -> None:
        """A line, `thick` thousandths of the width."""
        cv2.line(
            self.picture, self._at(*start), self._at(*end), colour, max(thick * self._size[0] // 1000, 1), cv2.LINE_AA
        )

    def smaller(self) -> Picture:
        """Half the size."""
        size = (self._size[0] // 2, self._size[1] // 2)
        return np.asarray(cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round(x * self._size[0]), round(y * self._size[1])


def _fence(scene: _Canvas) -> None:
    for y in (0.365, 0.425):
        scene.box(0.27, y, 1, y + 0.014, (214, 208, 196))
    for x in np.arange(0.28, 1, 0.024):
        scene.shape([(x, 0.345), (x + 0.006, 0.33), (x + 0.012, 0.345), (x + 0.012, 0.46), (x, 0.46)], (226, 221, 210))


def _house(scene: _Canvas) -> None:
    scene.box(0, 0.06, 0.27, 0.47, (205, 192, 172))
    for y in np.arange(0.1, 0.46, 0.035):
        scene.line((0, y), (0.27, y), (194, 180, 160), 2)
    scene.shape([(0, 0), (0.25, 0), (0.305, 0.09), (0, 0.09)], (126, 104, 96))
    scene.box(0.1, 0.16, 0.2, 0.465, (232, 226, 214))
    scene.box(0.11, 0.175, 0.19, 0.465, (72, 104, 106))
    for top in (0.2, 0.33):
        scene.box(0.122, top, 0.178, top + 0.1, (84, 117, 118))
    scene.disc(0.18, 0.33, 0.004, 0.007, (206, 190, 150))
    scene.box(0.09, 0.462, 0.21, 0.482, (170, 160, 146))
    scene.box(0.012, 0.17, 0.08, 0.32, (232, 226, 214))
    scene.box(0.018, 0.18, 0.074, 0.31, (208, 196, 164))
    scene.line((0.046, 0.18), (0.046, 0.31), (232, 226, 214), 4)
    scene.line((0.018, 0.245), (0.074, 0.245), (232, 226, 214), 4)
    scene.disc(0.225, 0.2, 0.009, 0.022, (224, 210, 176))
    scene.box(0.217, 0.17, 0.233, 0.182, (90, 90, 88))


def _tree(scene: _Canvas, random: np.random.Generator) -> None:
    scene.shape([(0.9, 0.5), (0.912, 0.2), (0.93, 0.2), (0.945, 0.5)], (112, 94, 80))
    for _ in range(46):
        x, y, shade = random.normal(0.92, 0.05), random.normal(0.13, 0.06), int(random.integers(0, 22))
        scene.disc(float(x), float(y), 0.032, 0.05, (98 + shade, 124 + shade, 90 + shade))


def _darker(colour: Colour, share: float) -> Colour:
    red, green, blue = (round(part * share) for part in colour)
    return red, green, blue


def _person(colour: Colour, stride: float) -> Picture:
    """A walker in a hooded coat; the colour fills most of its rectangle. Black stands for nothing."""
    figure = _Canvas(180, 480)
    for side in (-1, 1):
        foot = 0.5 + side * (0.16 + 0.1 * stride)
        figure.shape(
            [(0.3, 0.66), (0.7, 0.66), (foot + 0.17, 1), (foot - 0.17, 1)], _darker(colour, 0.72 - 0.08 * side)
        )
    figure.shape([(0.24, 0.24), (0.76, 0.24), (0.9, 0.45), (1, 0.78), (0, 0.78), (0.1, 0.45)], colour)
    figure.disc(0.5, 0.14, 0.34, 0.14, colour)
    figure.disc(0.5, 0.27, 0.33, 0.06, _darker(colour, 0.85))
    figure.disc(0.58, 0.145, 0.2, 0.075, (228, 196, 172))
    hand = 0.5 + 0.3 * stride
    figure.line((0.5, 0.32), (hand, 0.56), _darker(colour, 0.82), 150)
    figure.disc(hand, 0.585, 0.08, 0.028, (226, 194, 170))
    figure.line((0.5, 0.6), (0.5, 0.77), _darker(colour, 0.85), 14)
    return figure.picture


def _car(colour: Colour) -> Picture:
    """A car seen from its side, driving to the right."""
    figure = _Canvas(640, 290)
    figure.shape([(0.14, 0.46), (0.26, 0.02), (0.66, 0.02), (0.84, 0.46)], colour)
    figure.shape([(0, 0.42), (0.04, 0.38), (0.96, 0.44), (1, 0.56), (1, 0.86), (0, 0.86)], colour)
    figure.shape([(0.22, 0.42), (0.3, 0.1), (0.44, 0.1), (0.44, 0.42)], (186, 198, 204))
    figure.shape([(0.48, 0.42), (0.48, 0.1), (0.63, 0.1), (0.75, 0.42)], (186, 198, 204))
    figure.box(0, 0.74, 1, 0.86, _darker(colour, 0.75))
    for x in (0.2, 0.8):
        figure.disc(x, 0.82, 0.085, 0.18, (44, 44, 46))
        figure.disc(x, 0.82, 0.045, 0.095, (176, 178, 180))
    figure.disc(0.975, 0.56, 0.02, 0.06, (238, 232, 214))
    return figure.picture


def _figure(walk: Walk, along: float, high: int, broad: int) -> tuple[Picture, NDArray[np.float32]]:
    """The walker at its size, and how much of each point it covers."""
    drawn = _person(walk.colour, float(np.sin(along * 44))) if walk.label == "person" else _car(walk.colour)
    if walk.leftwards:
        drawn = drawn[:, ::-1]
    cover = (drawn.max(axis=2) > 0).astype(np.float32)
    covered = cv2.resize(cover, (broad, high), interpolation=cv2.INTER_AREA)
    # Colours are averaged where there are any, so that no black comes in at the rim.
    colours = cv2.resize(drawn.astype(np.float32), (broad, high), interpolation=cv2.INTER_AREA)
    colours = colours / np.maximum(covered, 0.01)[:, :, None]
    return np.clip(colours, 0, 255).astype(np.uint8), np.asarray(covered, np.float32)


def draw(scene: Picture, walks: Sequence[Walk], now: float, width: int, height: int) -> Picture:
    """One RGB picture."""
    random = np.random.default_rng(int(now * 1000))
    noise = random.integers(-5, 6, (height, width, 1), dtype=np.int16)
    picture: Picture = np.clip(scene[:height, :width].astype(np.int16) + noise, 0, 255).astype(np.uint8)
    # Whoever is further down stands in front.
    for walk in sorted(walks, key=lambda walk: walk.lane):
        progress = walk.progress(now)
        if progress is None:
            continue
        tall, wide = (0.34, 0.075) if walk.label == "person" else (0.16, 0.2)
        high, broad = int(tall * height), int(wide * width)
        along = 1 - progress if walk.leftwards else progress
        left = int(along * (width + broad)) - broad
        top = int(walk.lane * height) - high // 2
        first, last = max(0, left), min(width, left + broad)
        if first >= last:
            continue
        colours, cover = _figure(walk, progress, high, broad)
        seen = slice(first - left, last - left)
        share = cover[:, seen, None]
        under = picture[top : top + high, first:last]
        picture[top : top + high, first:last] = colours[:, seen] * share + under * (1 - share)
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
    scene = background(width, height)
    with av.open(str(out), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        frames = str(max(1, round(gop * fps)))
        options = {"preset": "veryfast", "crf": "24", "bf": str(b_frames), "g": frames, "keyint_min": frames}
        # One slice a picture, as most cameras do it.
        stream.options = {**options, "sc_threshold": "0", "threads": "1", "x264-params": f"slices={slices}"}
        for number in range(round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(draw(scene, walks, number / fps, width, height), format="rgb24")
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
