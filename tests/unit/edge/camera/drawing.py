"""Small coded streams for the unit tests."""

from fractions import Fraction
from typing import Any

import av
import numpy as np

from guardian.edge.camera.stream import Parameters, Unit, parameter_sets


def drawn_units(
    codec: str, count: int, *, b_frames: int = 0, gop: int = 15, size: tuple[int, int] = (160, 96)
) -> list[Unit]:
    """Units of a moving gradient at 15 fps, in decode order."""
    size = (160, 96)
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base, encoder.framerate = "yuv420p", Fraction(1, 15), Fraction(15)
    common = {"preset": "ultrafast", "bf": str(b_frames), "g": str(gop), "threads": "1"}
    private = {"sc_threshold": "0", "keyint_min": str(gop)} if codec == "libx264" else {"x265-params": "log-level=none"}
    encoder.options = {**common, **private, "b_strategy": "0"} if codec == "libx264" else {**common, **private}
    packets = []
    for number in range(count):
        ramp = (np.arange(size[0])[None, :] + np.arange(size[1])[:, None] + number * 4).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(np.repeat(ramp[:, :, None], 3, axis=2), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 15)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    name = "h264" if codec == "libx264" else "hevc"
    first = bytes(packets[0])
    parameters = Parameters(name, parameter_sets(name, first), first)
    return [
        Unit(bytes(item), int(item.pts or 0) * 6000, item.is_keyframe, int(item.pts or 0) / 15, parameters)
        for item in packets
    ]
