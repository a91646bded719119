"""The capture thread: connects, reads units, connects again. It blocks in FFmpeg, so it is alone on its thread."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import av
import av.logging

from guardian.common import log
from guardian.common.retry import Backoff
from guardian.edge.camera import faults
from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.packets import PacketReader
from guardian.edge.camera.stream import CODECS, Unit
from guardian.edge.config import Camera

_log = log.get(__name__)
# Its lines hold addresses; what they tell is told by the faults.
av.logging.set_level(None)

OPEN_SECONDS = 5.0
READ_SECONDS = 5.0
_OPTIONS = {
    "rtsp_transport": "tcp",
    # A redirection must not lead to files or other protocols.
    "protocol_whitelist": "rtsp,rtsps,rtp,tcp,tls,crypto",
    "probesize": "200000",
    "analyzeduration": "500000",
    "fpsprobesize": "0",
    "allowed_media_types": "video",
}


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


def address_of(camera: Camera) -> str:
    """The URL FFmpeg is given, credentials included: never shown, never logged."""
    address = camera.path.get_secret_value()
    if not camera.user:
        return address
    password = _password(camera.password_credential)
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    user = quote(camera.user, safe="") + (":" + quote(password, safe="") if password else "")
    return urlunsplit(parts._replace(netloc=f"{user}@{host}"))


def _password(name: str) -> str:
    if not name:
        return ""
    try:
        password = (Path(os.environ["CREDENTIALS_DIRECTORY"]) / name).read_text(encoding="utf-8").strip("\r\n")
    except (KeyError, OSError, UnicodeDecodeError):
        raise CameraFault("no_password_file") from None
    if not password:
        # A unit's stand-in for a secret that nobody has made.
        raise CameraFault("no_password_file")
    return password


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
        """New settings; another address is dialled at once."""
        same = (camera.path, camera.user, camera.password_credential) == (
            self._camera.path,
            self._camera.user,
            self._camera.password_credential,
        )
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
            self.status.deadline = time.monotonic() + delay + OPEN_SECONDS + READ_SECONDS
            self._again.wait(delay)

    def _watch(self, backoff: Backoff) -> CameraFault | None:
        """One connection, from dialling to its end; why it ended, None when it was asked to."""
        try:
            container = self._open()
        except CameraFault as fault:
            return fault
        try:
            for unit in self._units(container):
                if self._stopping.is_set() or self._again.is_set():
                    return None
                backoff.reset()
                self._unit(unit)
            return CameraFault("gone")
        except CameraFault as fault:
            return fault
        except (av.FFmpegError, OSError, EOFError) as error:
            return faults.reading(error)
        finally:
            self.status.connected = False
            self.status.fps = 0.0
            self._gap()
            container.close()

    def _open(self) -> Any:
        begun = time.monotonic()
        self.status.deadline = begun + OPEN_SECONDS + READ_SECONDS
        try:
            return av.open(address_of(self._camera), options=_OPTIONS, timeout=(OPEN_SECONDS, READ_SECONDS))
        except (av.FFmpegError, OSError, ValueError) as error:
            fault = faults.opening(error, waited=time.monotonic() - begun >= OPEN_SECONDS - 0.2)
            # The error's text and traceback hold the address with its password.
            raise fault from None

    def _units(self, container: Any) -> Iterator[Unit]:
        streams = container.streams.video
        if not streams:
            raise CameraFault("no_video")
        stream = streams[0]
        codec = stream.codec_context.name
        if codec not in CODECS:
            raise CameraFault("unsupported_codec")
        reader = PacketReader(codec, bytes(stream.codec_context.extradata or b""), stream.time_base)
        for packet in container.demux(stream):
            arrival = time.time()
            unit = reader.take(packet, arrival)
            if unit is None:
                continue
            self._count(unit, reader, arrival)
            yield unit

    def _count(self, unit: Unit, reader: PacketReader, arrival: float) -> None:
        status, template = self.status, unit.parameters.template
        size = (template.width, template.height)
        if status.connected and size != (status.width, status.height):
            _log.warning("camera_changed", reason="resolution_changed", sentence=str(CameraFault("resolution_changed")))
        if not status.connected:
            status.connects += 1
            if status.fault is not None or status.connects == 1:
                _log.info("camera_connected", width=size[0], height=size[1], codec=reader.codec)
        status.width, status.height = size
        status.codec, status.connected, status.fault = reader.codec, True, None
        status.last = arrival
        status.units += 1
        status.bytes += len(unit.data)
        status.fps = reader.fps
        status.deadline = time.monotonic() + 2 * READ_SECONDS

    def _note(self, fault: CameraFault) -> None:
        before = self.status.fault
        self.status.fault = fault
        if before is None or before.reason != fault.reason:
            _log.warning("camera_fault", reason=fault.reason, sentence=str(fault))
