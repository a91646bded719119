"""Maps a camera's time stamps to the wall clock: once at connect, corrected slowly afterwards."""

_SETTLE = 3.0
_WINDOW = 10.0
_STEP = 0.05
_JUMP = 30.0


class StreamClock:
    """`wall = pts + offset`. The least delayed picture tells the offset best, so minima are followed."""

    def __init__(self) -> None:
        self._offset: float | None = None
        self._begun = 0.0
        self._minimum = float("inf")
        self._window = 0.0

    def observe(self, pts: float, arrival: float) -> float:
        """A picture shown at `pts` arrived at `arrival`, both in seconds; its wall-clock time."""
        delta = arrival - pts
        if self._offset is None or abs(delta - self._offset) > _JUMP:
            # The first picture, or one of the two clocks was set.
            self._offset, self._begun, self._window, self._minimum = delta, arrival, arrival, float("inf")
        if arrival - self._begun < _SETTLE:
            # What FFmpeg had buffered while it probed comes late and all at once.
            self._offset = min(self._offset, delta)
            return pts + self._offset
        self._minimum = min(self._minimum, delta)
        if arrival - self._window >= _WINDOW:
            self._offset += max(-_STEP, min(_STEP, self._minimum - self._offset))
            self._window, self._minimum = arrival, float("inf")
        return pts + self._offset
