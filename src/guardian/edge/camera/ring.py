"""The last seconds of a stream, so that a clip can begin before what it was made for."""

from collections import deque

from guardian.edge.camera.stream import Unit

MAX_BYTES = 64 << 20


class Ring:
    """Units from a key frame on, at least `seconds` of them while the camera's key frames and `max_bytes` allow it."""

    def __init__(self, seconds: float, max_bytes: int = MAX_BYTES) -> None:
        self.seconds = seconds
        self._max_bytes = max_bytes
        self._groups: deque[list[Unit]] = deque()
        self._bytes = 0

    def push(self, unit: Unit) -> None:
        """Add the newest; whole groups of pictures leave at the other end."""
        if self._groups and self._groups[-1][-1].parameters != unit.parameters:
            self.clear()
        if unit.key:
            self._groups.append([unit])
        elif self._groups:
            self._groups[-1].append(unit)
        else:
            return
        self._bytes += len(unit.data)
        while len(self._groups) > 1 and (
            unit.time - self._groups[1][0].time >= self.seconds or self._bytes > self._max_bytes
        ):
            self._bytes -= sum(len(old.data) for old in self._groups.popleft())
        if self._bytes > self._max_bytes:
            # One group alone is too large: without its start the rest cannot be shown.
            self.clear()

    def since(self, moment: float) -> list[Unit]:
        """Units from the last key frame at or before `moment`; from the oldest one if none is that old."""
        start = 0
        for index, group in enumerate(self._groups):
            if group[0].time <= moment:
                start = index
        return [unit for group in list(self._groups)[start:] for unit in group]

    def clear(self) -> None:
        """Forget everything: what follows does not continue it."""
        self._groups.clear()
        self._bytes = 0

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._bytes
