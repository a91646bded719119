"""The recorder's thread: ring, clips and index. It alone writes them; all it is told comes through one queue."""

import errno
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import av
import sqlalchemy as sa

from guardian.common import log
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder
from guardian.common.retry import Backoff
from guardian.edge.camera.clip import ClipWriter, OpenSink
from guardian.edge.camera.fragments import OrderError
from guardian.edge.camera.index import Clip, Index
from guardian.edge.camera.ring import Ring
from guardian.edge.camera.stream import TIMESCALE, Unit
from guardian.edge.config import RecordConfig
from guardian.edge.identity import Identity
from guardian.edge.roster import RosterError, RosterFile
from guardian.vault.errors import VaultError
from guardian.vault.writer import FileSink

T = TypeVar("T")
_log = log.get(__name__)
# A disk slower than the camera: beyond this, pictures are dropped up to the next key frame.
MAX_WAITING = 96 << 20
# Enough to know the camera's reorder depth before a clip begins.
_LEARN = 16
# Units handed over at once, at most: the thread wakes for a key frame, which ends a fragment, and seldom in between.
_BATCH = 8
# A camera with B-frames reorders more when there is more to see: assume the usual, after an error all that is allowed.
# Too much costs nothing but larger offsets.
_USUAL, _DEEPEST = 4, 16
_INDEX_EVERY = 5.0
_GAP_TICKS = 10 * TIMESCALE


class RecordingFault(GuardianError):
    """Nothing can be recorded now."""


@dataclass(frozen=True)
class _Need:
    until: float
    at: float


class Recorder:
    """Give it units, tell it what is needed; `changed` hears of each clip, `faulted` of the disk (None: well again).

    Both are called on the recorder's thread.
    """

    def __init__(
        self,
        folder: Path,
        camera: str,
        settings: RecordConfig,
        identity: Identity,
        roster: RosterFile,
        *,
        changed: Callable[[Clip], None],
        faulted: Callable[[GuardianError | None], None],
        open_sink: OpenSink = FileSink,
    ) -> None:
        self._folder = private_folder(folder, mode=0o750)
        self._camera, self._identity, self._roster = camera, identity, roster
        self._settings = settings
        self._changed, self._faulted, self._open_sink = changed, faulted, open_sink
        self._index = Index(folder)
        self.recovered = self._index.recover()
        self._ring = Ring(settings.pre_capture)
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._waiting, self._behind = 0, False
        self._batch: list[Unit] = []
        self._lock = threading.Lock()
        self._clip: ClipWriter | None = None
        self._until = self._since = float("-inf")
        self._recent: deque[Unit] = deque(maxlen=32)
        self._depth = self._learnt = 0
        self._last: Unit | None = None
        self._now = float("-inf")
        self._backoff, self._paused = Backoff(initial=2, maximum=60, floor=1), 0.0
        self._indexed = 0.0
        self._sick = False
        # Read by others: wall-clock time up to which all is durable, and whether a clip is open.
        self.durable = 0.0
        self.recording = False
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name="recorder", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float = 4.0) -> bool:
        """Close the clip that is open; False when the disk did not let it end in time."""
        self._send(self._quit)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def offer(self, unit: Unit) -> None:
        """The next unit; never blocks."""
        with self._lock:
            if self._behind and (not unit.key or self._waiting > MAX_WAITING // 2):
                return
            if self._behind:
                self._behind = False
                self._flush()
                self._queue.put(self._break)
            if self._waiting > MAX_WAITING:
                self._behind = True
                return
            self._waiting += len(unit.data)
            self._batch.append(unit)
            if unit.key or len(self._batch) >= _BATCH:
                self._flush()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def gap(self) -> None:
        """The stream broke off: what follows does not continue it."""
        self._send(self._break)

    def need(self, until: float) -> None:
        """Record until then (wall clock, `post_capture` included), beginning `pre_capture` before now."""
        self._send(_Need(until, time.time()))

    def apply(self, settings: RecordConfig) -> None:
        """New settings."""
        self._send(settings)

    def ask(self, work: Callable[[Index], T]) -> "Future[T]":
        """Have the thread that owns the index do something with it."""
        future: Future[T] = Future()

        def answer() -> None:
            try:
                future.set_result(work(self._index))
            except sa.exc.SQLAlchemyError as error:
                future.set_exception(_store_fault(error))

        self._send(answer)
        return future

    def _send(self, item: Any) -> None:
        """Anything but a unit, in its order among them."""
        with self._lock:
            self._flush()
            self._queue.put(item)

    def _flush(self) -> None:
        if self._batch:
            self._queue.put(self._batch)
            self._batch = []

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            self._attempt(self._take, item)
            if item == self._quit:
                self._index.close()
                return

    def _take(self, item: Any) -> None:
        match item:
            case list():
                self._units(item)
            case _Need():
                late = max(item.until, item.at)
                if self._clip is None and item.at > self._until:
                    self._since = item.at - self._settings.pre_capture
                self._until = max(self._until, late)
            case RecordConfig():
                self._settings = item
                self._ring.seconds = item.pre_capture
            case _:
                item()

    def _units(self, batch: list[Unit]) -> None:
        with self._lock:
            self._waiting -= sum(len(unit.data) for unit in batch)
        for unit in batch:
            # One that fails must not take the others with it: the ring must have no holes.
            self._attempt(self._unit, unit)

    def _attempt(self, work: Callable[[Any], None], item: Any) -> None:
        try:
            work(item)
        except (OrderError, av.FFmpegError) as error:
            self._disordered(error)
        except (VaultError, RecordingFault, OSError, sa.exc.SQLAlchemyError) as error:
            self._fail(error)

    def _unit(self, unit: Unit) -> None:
        last = self._last
        if last is not None and (last.parameters != unit.parameters or abs(unit.pts - last.pts) > _GAP_TICKS):
            self._break()
        self._last = unit
        self._learn(unit)
        self._ring.push(unit)
        # B-frames come after what is shown later: time is the latest so far, or a clip that ended would begin again.
        self._now = max(self._now, unit.time)
        if self._clip is not None and self._now > self._until:
            self._end()
        elif self._clip is not None and unit.key and unit.time - self._clip.start >= self._settings.max_clip:
            self._end()
            self._since = unit.time
        if self._clip is None:
            self._begin()
        elif self._clip.push(unit):
            self._durable(self._clip)

    def _begin(self) -> None:
        needed = self._settings.enabled and self._now <= self._until
        if not needed or self._learnt < _LEARN or time.monotonic() < self._paused:
            return
        units = self._ring.since(self._since)
        if not units:
            return
        try:
            recipient = self._roster.recipient(self._identity)
        except (RosterError, VaultError):
            # The daemon says so by itself: it looks at the roster whether or not anything happens.
            return
        shown = sorted(unit.pts for unit in self._recent)
        # The median: pictures not yet arrived leave holes at both ends.
        frame = sorted(after - before for before, after in pairwise(shown))[len(shown) // 2 - 1]
        self._clip = clip = ClipWriter(
            self._folder,
            self._camera,
            self._identity,
            recipient,
            units[0],
            depth=self._depth,
            frame=frame,
            pre_capture=self._since + self._settings.pre_capture - units[0].time,
            open_sink=self._open_sink,
        )
        self.recording = True
        self._report(clip.row("open"), store=True)
        _log.info("clip_opened", clip=clip.id)
        for unit in units:
            if clip.push(unit):
                self._durable(clip)

    def _durable(self, clip: ClipWriter) -> None:
        self.durable = clip.durable
        moment = time.monotonic()
        store = moment - self._indexed >= _INDEX_EVERY
        if store:
            self._indexed = moment
        self._report(clip.row("open"), store=store)
        self._backoff.reset()
        if self._sick:
            self._sick = False
            self._faulted(None)

    def _end(self) -> None:
        clip, self._clip, self.recording = self._clip, None, False
        if clip is None:
            return
        # The next clip of the same event begins where this one ends.
        self._since = max(self._since, clip.durable)
        try:
            clip.finish()
        except VaultError as error:
            self._clip = clip
            self._fail(error)
            return
        self.durable = clip.durable
        self._report(clip.row("closed"), store=True)
        _log.info("clip_closed", clip=clip.id, seconds=round(clip.durable - clip.start, 1))

    def _fail(self, error: Exception) -> None:
        fault = error if isinstance(error, RecordingFault) else _fault(error)
        clip, self._clip, self.recording = self._clip, None, False
        self._paused = time.monotonic() + self._backoff.next()
        if not self._sick:
            _log.error("recording_paused", reason=fault.reason, sentence=str(fault))
        self._sick = True
        self._faulted(fault)
        if clip is not None:
            row = clip.row(clip.abandon())
            try:
                self._report(row, store=True)
            except RecordingFault:
                # The same disk: the row is mended at the next start.
                self._changed(row)

    def _report(self, row: Clip, *, store: bool) -> None:
        if store:
            try:
                self._index.put(row)
            except sa.exc.SQLAlchemyError as error:
                raise _store_fault(error) from error
        self._changed(row)

    def _learn(self, unit: Unit) -> None:
        self._learnt += 1
        self._recent.append(unit)
        if self._depth == 0 and any(other.pts > unit.pts for other in self._recent):
            self._depth = _USUAL

    def _break(self) -> None:
        self._end()
        self._ring.clear()
        self._recent.clear()
        self._depth = self._learnt = 0
        self._last, self._now = None, float("-inf")

    def _disordered(self, error: Exception) -> None:
        """Go on in a new clip: the camera reorders more than it did before, or its time stamps make no sense."""
        try:
            if isinstance(error, OrderError) and self._depth < _DEEPEST:
                self._depth = _DEEPEST
                self._end()
            else:
                self._break()
        except (av.FFmpegError, VaultError, RecordingFault) as failed:
            self._fail(failed)

    def _quit(self) -> None:
        self._end()


def _fault(error: Exception) -> RecordingFault:
    cause = error.__cause__ if isinstance(error, VaultError) else error
    if isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return RecordingFault(
            "The disk is full: recording is paused.",
            reason="disk_full",
            hint="Free space; recording resumes by itself.",
        )
    if isinstance(cause, sa.exc.SQLAlchemyError):
        return _store_fault(cause)
    return RecordingFault(
        "The disk cannot be written: recording is paused.",
        reason="disk_error",
        hint="Check the disk; it may be failing. Recording is tried again by itself.",
    )


def _store_fault(error: sa.exc.SQLAlchemyError) -> RecordingFault:
    full = "full" in str(getattr(error, "orig", ""))
    return RecordingFault(
        "The camera's index cannot be written: recording is paused.",
        reason="disk_full" if full else "index_error",
        hint="Free space or check the disk; recording resumes by itself.",
    )
