"""Stream copy into fragmented MP4: an init segment, then fragments of about one second."""

import bisect
import contextlib
import io
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from guardian.edge.camera.stream import TIMESCALE, Parameters, Unit

# A fragment ends at the next key frame, or after MAX where the camera's key frames are further apart; key frames
# closer than MIN share one.
_MIN_US, _MAX_US = 800_000, 1_050_000
_OPTIONS = {
    # Signed offsets put the first picture at 0 though it is decoded before that, without an edit list.
    "movflags": "frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+skip_trailer",
    "frag_duration": str(_MAX_US),
    "min_frag_duration": str(_MIN_US),
    "use_editlist": "0",
    "avoid_negative_ts": "disabled",
    "video_track_timescale": str(TIMESCALE),
}


class OrderError(Exception):
    """A picture is shown earlier than the clip's reorder depth allows: the clip must end before it."""


@dataclass(frozen=True)
class Fragment:
    """`moof` and `mdat`; times in ticks from the clip's first picture."""

    data: bytes
    start: int
    duration: int
    key: bool


class _Sink(io.RawIOBase):
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self.pieces = b"".join(self.pieces), []
        return taken


def _copied(container: Any, template: Any) -> Any:
    """A stream for packets as they come. PyAV before 14, which fits the FFmpeg of Debian 12, calls it otherwise."""
    if hasattr(container, "add_stream_from_template"):
        return container.add_stream_from_template(template, opaque=True)
    return container.add_stream(template=template)


class Fragmenter:
    """One clip's muxer. Give it the units in decode order, the first a key frame."""

    def __init__(self, parameters: Parameters, depth: int, frame: int) -> None:
        """`depth`: how many pictures a decoder holds back; `frame`: ticks from one picture to the next."""
        self._sink = _Sink()
        self._depth = depth
        self._frame = max(1, frame)
        # The first picture decodes this much before it is shown; the muxer moves it back to 0.
        self._shift = depth * self._frame
        self._container = av.open(self._sink, "w", format="mp4", options=_OPTIONS, buffer_size=1 << 20)
        self._stream = _copied(self._container, parameters.template.stream)
        self._stream.time_base = Fraction(1, TIMESCALE)
        self._container.start_encoding()
        self.init = self._sink.take()
        self._shown: list[int] = []
        self._count = 0
        self._first = 0
        self._last_dts = -self._shift - 1
        self._begun = -self._shift
        self._begins_with_key = True

    def push(self, unit: Unit) -> Fragment | None:
        """Add a unit; the fragment it completed, if any."""
        if self._count == 0:
            self._first = unit.pts
        pts = unit.pts - self._first
        dts = self._decode_time(pts)
        if self._count > 0:
            self._frame = dts - self._last_dts
        self._last_dts = dts
        self._count += 1
        packet = av.Packet(unit.data)
        packet.stream, packet.time_base = self._stream, Fraction(1, TIMESCALE)
        packet.pts, packet.dts, packet.duration = pts, dts, self._frame
        packet.is_keyframe = unit.key
        self._container.mux_one(packet)
        data = self._sink.take()
        return self._fragment(data, dts, unit.key) if data else None

    def finish(self) -> Fragment | None:
        """The last, shorter fragment."""
        self._container.close()
        data = self._sink.take()
        return self._fragment(data, self._last_dts + self._frame, next_key=False) if data else None

    def abandon(self) -> None:
        """Give up what is not out yet. Left to the garbage collector, an open muxer ended the process in older PyAV."""
        with contextlib.suppress(av.FFmpegError):
            self._container.close()
        self._sink.take()

    def _fragment(self, data: bytes, end: int, next_key: bool) -> Fragment:
        made = Fragment(data, self._begun + self._shift, end - self._begun, self._begins_with_key)
        self._begun, self._begins_with_key = end, next_key
        return made

    def _decode_time(self, pts: int) -> int:
        """Decode times are the display times in order, `depth` pictures earlier: known as soon as a unit arrives."""
        bisect.insort(self._shown, pts)
        if self._count < self._depth:
            dts = (self._count - self._depth) * self._frame if self._count == 0 else self._last_dts + self._frame
        else:
            dts = self._shown[-1 - self._depth]
        del self._shown[: -self._depth - 1]
        if dts > pts or dts <= self._last_dts:
            raise OrderError
        return dts
