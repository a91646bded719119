"""The decoder's thread: looks at some pictures, lets those with motion through. Never holds up recording."""

import queue
import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import av

from guardian.common import log
from guardian.edge.camera.motion import MotionGate, luma_points
from guardian.edge.camera.stream import Parameters, Unit, decoder
from guardian.edge.config import DetectConfig, MotionConfig

_log = log.get(__name__)
_MAX_UNITS = 60
# Motion that pauses for less is one motion: no gaps in what the tracker sees.
_HOLD = 1.0


@dataclass(frozen=True)
class Sample:
    """One picture that was looked at. `picture` is BGR24 or nothing."""

    time: float
    moved: bool
    width: int = 0
    height: int = 0
    picture: bytes = b""


class Sampler:
    """`seen` hears of every sample, on the sampler's thread; `wanted()` says whether the analyzer has room for one."""

    def __init__(
        self,
        detect: DetectConfig,
        motion: MotionConfig,
        *,
        seen: Callable[[Sample], None],
        wanted: Callable[[], bool],
        attentive: Callable[[float], bool],
    ) -> None:
        self._detect, self._motion = detect, motion
        self._seen, self._wanted, self._attentive = seen, wanted, attentive
        self._gate = MotionGate(motion)
        self._queue: queue.Queue[Unit | None] = queue.Queue(_MAX_UNITS)
        self._late = False
        self._context: Any = None
        self._parameters: Parameters | None = None
        self._times: dict[int, float] = {}
        self._sampled = self._sent = self._held = float("-inf")
        self.dropped = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name="sampler", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def apply(self, detect: DetectConfig, motion: MotionConfig) -> None:
        """New settings."""
        if motion != self._motion:
            self._gate = MotionGate(motion)
        if detect.enabled != self._detect.enabled:
            self._parameters = None
        self._detect, self._motion = detect, motion

    def offer(self, unit: Unit) -> None:
        """The next unit; when decoding is late, all up to the next key frame are left out."""
        if self._late and not unit.key:
            return
        try:
            self._queue.put_nowait(unit)
            self._late = False
        except queue.Full:
            self._late = True
            self.dropped += 1

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                unit = self._queue.get(timeout=0.5)
            except queue.Empty:
                continue
            if unit is not None:
                self._decode(unit)

    def _decode(self, unit: Unit) -> None:
        if unit.parameters != self._parameters or self._context is None:
            if not unit.key:
                return
            self._context, self._parameters = decoder(unit.parameters), unit.parameters
            self._times.clear()
            if not self._detect.enabled:
                # Motion alone can be judged by key frames, at a tenth of the cost.
                self._context.skip_frame = "NONKEY"
        self._times[unit.pts] = unit.time
        packet = av.Packet(unit.data)
        packet.pts = unit.pts
        packet.is_keyframe = unit.key
        try:
            frames = self._context.decode(packet)
        except av.FFmpegError:
            # Damaged on the way; what is recorded keeps it as it came. Begin again at the next key frame.
            self._context = None
            return
        for frame in frames:
            moment = self._times.pop(frame.pts, unit.time)
            self._look(frame, moment)
        while len(self._times) > 64:
            self._times.pop(next(iter(self._times)))

    def _look(self, frame: Any, moment: float) -> None:
        if moment < self._sampled - 1.0:
            self._sampled = self._sent = self._held = float("-inf")
        # Half a picture early is nearer than a whole one late.
        if moment - self._sampled < 0.9 / self._detect.fps:
            return
        self._sampled = moment
        moved = self._gate.moved(luma_points(frame))
        if moved:
            self._held = moment + _HOLD
        due = moment <= self._held or self._attentive(moment) or moment - self._sent >= self._motion.refresh
        if not (due and self._detect.enabled and self._wanted()):
            self._seen(Sample(moment, moved))
            return
        self._sent = moment
        width, height = _fit(frame.width, frame.height, self._detect.width)
        small = frame.reformat(width=width, height=height, format="bgr24", interpolation="FAST_BILINEAR")
        self._seen(Sample(moment, moved, width, height, small.to_ndarray().tobytes()))


def _fit(width: int, height: int, most: int) -> tuple[int, int]:
    if width <= most:
        return width, height
    return most - most % 2, max(2, round(height * most / width / 2) * 2)
