"""The capture thread: connects, reads units, connects again. It blocks in FFmpeg, so it is alone on its thread."""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass

import av
import av.logging

from guardian.common import log
from guardian.common.retry import Backoff
from guardian.edge.camera import device, rtsp
from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.feed import OPEN_SECONDS, READ_SECONDS, Feed
from guardian.edge.camera.stream import Unit
from guardian.edge.config import Camera

_log = log.get(__name__)
# Its lines hold addresses; what they tell is told by the faults.
av.logging.set_level(None)
_LOOK_SECONDS = 2.0


@dataclass
class Status:
    """What others may know of the camera; written by the capture thread alone."""

    fault: CameraFault | None = None
    connected: bool = False
    width: int = 0
    height: int = 0
    codec: str = ""
    fps: float = 0.0
    # Wall-clock seconds of the newest picture, and how many there were.
    last: float = 0.0
    units: int = 0
    bytes: int = 0
    connects: int = 0
    # Monotonic time by which something must happen: the watchdog is pet while waiting no longer than that.
    deadline: float = 0.0


class Source:
    """Runs until stopped. `unit` and `gap` are called on its thread."""

    def __init__(self, camera: Camera, *, unit: Callable[[Unit], None], gap: Callable[[], None]) -> None:
        self._camera = camera
        self._unit, self._gap = unit, gap
        self.status = Status(deadline=time.monotonic() + OPEN_SECONDS)
        self._again = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name="capture", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End at the next packet, or with the process."""
        self._stopping.set()
        self._again.set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def apply(self, camera: Camera) -> None:
        """New settings; where they are of another address or picture, it is dialled at once."""
        same = _dialled(camera) == _dialled(self._camera)
        self._camera = camera
        if not same:
            self._again.set()

    def _run(self) -> None:
        backoff = Backoff(initial=0.5, maximum=30)
        while not self._stopping.is_set():
            self._again.clear()
            fault = self._watch(backoff)
            if self._stopping.is_set():
                return
            if fault is not None:
                self._note(fault)
            delay = backoff.next()
            if fault is not None and fault.reason == "unplugged":
                # To look costs nothing, and whoever plugs it in stands beside it.
                delay = min(delay, _LOOK_SECONDS)
            self.status.deadline = time.monotonic() + delay + OPEN_SECONDS + READ_SECONDS
            self._again.wait(delay)

    def _watch(self, backoff: Backoff) -> CameraFault | None:
        """One connection, from dialling to its end; why it ended, None when it was asked to."""
        self.status.deadline = time.monotonic() + OPEN_SECONDS + READ_SECONDS
        try:
            feed = connect(self._camera)
        except CameraFault as fault:
            return fault
        try:
            for unit in feed.units():
                if self._stopping.is_set() or self._again.is_set():
                    return None
                backoff.reset()
                self._count(unit, feed)
                self._unit(unit)
            return CameraFault("gone")
        except CameraFault as fault:
            return fault
        except (av.FFmpegError, OSError, EOFError) as error:
            return feed.ended(error)
        finally:
            self.status.connected = False
            self.status.fps = 0.0
            self._gap()
            feed.close()

    def _count(self, unit: Unit, feed: Feed) -> None:
        status, template = self.status, unit.parameters.template
        size = (template.width, template.height)
        if status.connected and size != (status.width, status.height):
            _log.warning("camera_changed", reason="resolution_changed", sentence=str(CameraFault("resolution_changed")))
        if not status.connected:
            status.connects += 1
            if status.fault is not None or status.connects == 1:
                _log.info("camera_connected", width=size[0], height=size[1], codec=feed.codec)
        status.width, status.height = size
        status.codec, status.connected, status.fault = feed.codec, True, None
        status.last = time.time()
        status.units += 1
        status.bytes += len(unit.data)
        status.fps = feed.fps
        status.deadline = time.monotonic() + 2 * READ_SECONDS

    def _note(self, fault: CameraFault) -> None:
        before = self.status.fault
        self.status.fault = fault
        if before is None or before.reason != fault.reason:
            _log.warning("camera_fault", reason=fault.reason, sentence=str(fault))


def connect(camera: Camera) -> Feed:
    """Wherever it is; CameraFault when it cannot be watched."""
    return device.connect(camera) if camera.device else rtsp.connect(camera)


def _dialled(camera: Camera) -> tuple[object, ...]:
    # How a camera on a port is asked is nothing to one in the network.
    return camera.path, camera.user, camera.password_credential, camera.usb if camera.device else None
