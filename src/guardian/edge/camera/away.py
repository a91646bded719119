"""While the analyzer is away: motion is recorded, remembered durably, and told when it is back."""

import asyncio
from collections.abc import Callable
from typing import Any

from guardian.common import log
from guardian.common.errors import GuardianError
from guardian.edge.camera.recorder import Recorder

_log = log.get(__name__)
_STORE_EVERY = 1.0


class AwayMotion:
    """Fed with every sample on the loop; keeps one interval open at a time."""

    def __init__(self, recorder: Recorder, *, finished: Callable[[], None]) -> None:
        self._recorder = recorder
        self._finished = finished
        self._key: asyncio.Future[int] | None = None
        self._end = self._stored = 0.0

    def sample(self, moment: float, *, moved: bool, attended: bool, post_capture: float) -> None:
        """A picture was looked at; `attended`: the analyzer sees to it."""
        if moved and not attended:
            self._recorder.need(moment + post_capture)
            self._extend(moment)
        elif self._key is not None and (attended or moment > self._end + post_capture):
            self.close()

    def close(self) -> None:
        """End the interval that is open."""
        key, self._key = self._key, None
        if key is not None:
            self._store(key, self._end, closed=True)

    def _extend(self, moment: float) -> None:
        self._end = moment
        if self._key is None:
            self._key = asyncio.wrap_future(self._recorder.ask(lambda index: index.begin_motion(moment, moment)))
            self._key.add_done_callback(_hear)
            self._stored = moment
        elif moment - self._stored >= _STORE_EVERY:
            self._stored = moment
            self._store(self._key, moment, closed=False)

    def _store(self, key: "asyncio.Future[int]", end: float, *, closed: bool) -> None:
        def write(known: "asyncio.Future[int]") -> None:
            if known.cancelled() or known.exception() is not None:
                return
            number = known.result()
            done = asyncio.wrap_future(
                self._recorder.ask(lambda index: index.extend_motion(number, end, closed=closed))
            )
            done.add_done_callback(_hear)
            if closed:
                done.add_done_callback(lambda _: self._finished())

        key.add_done_callback(write)


def _hear(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled() and isinstance(error := future.exception(), GuardianError):
        _log.error("index_unwritten", reason=error.reason, sentence=str(error))
