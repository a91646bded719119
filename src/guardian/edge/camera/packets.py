"""Turns FFmpeg's packets into units: whole pictures, our time scale, wall clock, parameter sets."""

from collections import deque
from fractions import Fraction
from typing import Any

from guardian.edge.camera.clock import StreamClock
from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.stream import TIMESCALE, Parameters, Unit, begins_picture, parameter_sets

# A key picture of 8192 x 4320 at its finest has about 5 MiB.
MAX_PICTURE = 8 << 20


class PacketReader:
    """One connection's packets, in decode order."""

    def __init__(self, codec: str, extradata: bytes, time_base: Fraction) -> None:
        self.codec = codec
        self._sets = parameter_sets(codec, extradata)
        self._scale = time_base * TIMESCALE
        self._parameters: Parameters | None = None
        self._clock = StreamClock()
        self._arrivals: deque[float] = deque(maxlen=60)
        # Some cameras' pictures come in several packets, one a slice: then each waits for the next.
        self._in_slices = False
        self._held: Unit | None = None
        self.fps = 0.0

    def take(self, packet: Any, arrival: float) -> Unit | None:
        """The unit a packet completes; None for what cannot be shown by itself or after what came before."""
        if not packet.size or packet.pts is None:
            return None
        if packet.size > MAX_PICTURE:
            raise CameraFault("damaged")
        data = bytes(packet)
        if not begins_picture(self.codec, data):
            self._continue(data)
            return None
        if packet.is_keyframe:
            self._follow(data)
        if self._parameters is None:
            return None
        moment = self._time(int(packet.pts * self._scale), arrival)
        unit = Unit(data, int(packet.pts * self._scale), packet.is_keyframe, moment, self._parameters)
        if not self._in_slices:
            return unit
        whole, self._held = self._held, unit
        return whole

    def _continue(self, data: bytes) -> None:
        if self._held is not None:
            if len(self._held.data) + len(data) > MAX_PICTURE:
                # Slices without end fill the memory of an edge that many cameras share.
                raise CameraFault("damaged")
            self._held.data += data
        elif not self._in_slices:
            # The picture's beginning is gone already: begin again at the next key frame.
            self._in_slices, self._parameters = True, None

    def _time(self, pts: int, arrival: float) -> float:
        self._arrivals.append(arrival)
        span = arrival - self._arrivals[0]
        if span > 1.0:
            self.fps = (len(self._arrivals) - 1) / span
        return self._clock.observe(pts / TIMESCALE, arrival)

    def _follow(self, data: bytes) -> None:
        sets = parameter_sets(self.codec, data) or self._sets
        if not sets:
            return
        if self._parameters is None or sets != self._parameters.sets:
            parameters = Parameters(self.codec, sets, data)
            # Probed here, so that a format nobody can record is the camera's fault and not the recorder's.
            _ = parameters.template
            self._parameters, self._sets = parameters, sets
