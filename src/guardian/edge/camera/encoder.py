"""Pictures of a camera that does not encode them itself, to H.264 as `PacketReader` takes it."""

from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.stream import TIMESCALE
from guardian.edge.config import UsbConfig

_CODEC = "libx264"
# A key picture a second lets every part of a clip begin with one; by its time and not by counting, for a camera
# gives fewer pictures in the dark.
_KEY_TICKS = round(0.95 * TIMESCALE)
_OPTIONS = {
    "preset": "veryfast",
    # Nothing is held back: what is durable is a second old and not two.
    "tune": "zerolatency",
    "forced-idr": "1",
    "sc_threshold": "0",
    "threads": "1",
}


class Encoder:
    """One run of pictures of one size; another size, or a picture earlier than the last, begins another run."""

    def __init__(self, settings: UsbConfig) -> None:
        if _CODEC not in av.codecs_available:
            raise CameraFault("no_encoder")
        self._settings = settings
        self._context: Any = None
        self._given = (0, 0)
        self._last = self._key = 0

    def encode(self, frame: Any, pts: int) -> list[Any]:
        """The packets a picture makes, one as a rule, in ticks of TIMESCALE.

        Args:
            frame: as a decoder gives it, of any size and format.
            pts: ticks of TIMESCALE.
        """
        given = (frame.width, frame.height)
        if self._context is None or given != self._given or pts <= self._last:
            # What the run before held back is nothing: zerolatency.
            self._context, self._given = self._begin(*given), given
            self._key = pts - _KEY_TICKS
        context = self._context
        picture = frame.reformat(width=context.width, height=context.height, format="yuv420p", interpolation="BILINEAR")
        picture.pts, picture.time_base = pts, Fraction(1, TIMESCALE)
        key = pts - self._key >= _KEY_TICKS
        picture.pict_type = PictureType.I if key else PictureType.NONE
        self._last = pts
        if key:
            self._key = pts
        return list(context.encode(picture))

    def _begin(self, width: int, height: int) -> Any:
        settings = self._settings
        context: Any = av.CodecContext.create(_CODEC, "w")
        context.width, context.height = fit(width, height, settings.width, settings.height)
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, TIMESCALE)
        context.framerate = Fraction(settings.fps).limit_denominator(1000)
        # Key pictures come by their time; this is for a clock that stands.
        context.gop_size = max(2, round(2 * settings.fps))
        most = str(settings.bitrate * 1000)
        context.options = {**_OPTIONS, "crf": str(settings.crf), "maxrate": most, "bufsize": most}
        return context


def fit(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """The largest even size of the same shape within the most."""
    scale = min(1.0, most_width / width, most_height / height)
    return tuple(max(2, int(side * scale) // 2 * 2) for side in (width, height))  # type: ignore[return-value]
