"""A camera on a port of this machine, by V4L2: its own H.264 is copied, other pictures are encoded here."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from guardian.edge import v4l2
from guardian.edge.camera import faults
from guardian.edge.camera.encoder import Encoder
from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.feed import READ_SECONDS
from guardian.edge.camera.packets import PacketReader
from guardian.edge.camera.stream import MAX_PIXELS, TIMESCALE, Unit
from guardian.edge.config import Camera, UsbConfig

# V4L2's four characters to FFmpeg's name, the best first: what need not be encoded here, what leaves a USB line room.
_FORMATS = {
    "H264": "h264",
    "MJPG": "mjpeg",
    "JPEG": "mjpeg",
    "YUYV": "yuyv422",
    "NV12": "nv12",
    "YU12": "yuv420p",
    "UYVY": "uyvy422",
}
_RANKS = {name: rank for rank, name in enumerate(_FORMATS)}
# AVFMT_FLAG_NONBLOCK, added to FFmpeg's own flags: it would wait for a silent device in the kernel, where no time-out
# of FFmpeg's reaches it.
_NONBLOCK = "+4"
# FFmpeg asks without a pause for the first picture of a compressed stream, and for none of another. A device that has
# none by then is waited for here.
_OPEN_SECONDS = 2.0
# How long to look away when there is no picture yet.
_PAUSE = 0.005


@dataclass(frozen=True)
class Choice:
    """A node, and the format it is asked for, by FFmpeg's name."""

    node: str
    format: str


def choose(offers: dict[str, tuple[str, ...]]) -> Choice:
    """Of all nodes of a device and what each offers the best; CameraFault when there is nothing to take."""
    known = [(_RANKS[name], node, name) for node, names in offers.items() for name in names if name in _RANKS]
    if not known:
        raise CameraFault("no_format")
    _, node, name = min(known, key=lambda one: one[0])
    return Choice(node, _FORMATS[name])


def connect(camera: Camera) -> "DeviceFeed":
    """Find it and have it give pictures; CameraFault when it cannot be watched."""
    choice = choose(_offers(camera.device))
    try:
        container = av.open(
            str(v4l2.DEV / choice.node),
            format="v4l2",
            # Not `options`, which are the decoder's too: it would believe in the size that the device refused.
            container_options=options(choice.format, camera.usb),
            timeout=(_OPEN_SECONDS, READ_SECONDS),
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise faults.plugging(error) from error
    try:
        # Another device may have got that number since.
        found = v4l2.node(choice.node)
        if found is None or found.name != camera.device:
            raise CameraFault("unplugged")
        return DeviceFeed(container, camera.usb)
    except CameraFault:
        container.close()
        raise


def options(name: str, settings: UsbConfig) -> dict[str, str]:
    """What FFmpeg asks of the device. It answers with what it can that is nearest."""
    return {
        "input_format": name,
        "video_size": f"{settings.width}x{settings.height}",
        "framerate": f"{settings.fps:g}",
        "fflags": _NONBLOCK,
        "fpsprobesize": "0",
        "max_ts_probe": "0",
    }


def _offers(name: str) -> dict[str, tuple[str, ...]]:
    offers: dict[str, tuple[str, ...]] = {}
    try:
        for node in v4l2.nodes():
            if node.name == name:
                with v4l2.opened(node.kernel) as descriptor:
                    offers[node.kernel] = v4l2.formats(descriptor)
    except OSError as error:
        raise faults.plugging(error) from error
    if not offers:
        raise CameraFault("unplugged")
    return offers


class DeviceFeed:
    """A `Feed` of anything that gives H.264 or pictures, each by itself, without being waited for."""

    codec = "h264"

    def __init__(self, container: Any, settings: UsbConfig) -> None:
        if not container.streams.video:
            raise CameraFault("no_video")
        self._container, self._stream = container, container.streams.video[0]
        self._copies = self._stream.codec_context.name == "h264"
        scale = self._stream.time_base if self._copies else Fraction(1, TIMESCALE)
        extradata = bytes(self._stream.codec_context.extradata or b"") if self._copies else b""
        self._reader = PacketReader("h264", extradata, scale)
        self._encoder = None if self._copies else Encoder(settings)
        self._pace = Pace(settings.fps)
        if not self._copies:
            self._stream.codec_context.thread_count = 1
            self._stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}

    @property
    def fps(self) -> float:
        """Pictures a second as they are recorded."""
        return self._reader.fps

    def units(self) -> Iterator[Unit]:
        """See `Feed`."""
        last = time.monotonic()
        for packet in self._packets():
            for made in self._made(packet) if packet is not None else ():
                unit = self._reader.take(made, time.time())
                if unit is not None:
                    last = time.monotonic()
                    yield unit
            if time.monotonic() - last > READ_SECONDS:
                raise CameraFault("no_pictures")

    def ended(self, error: Exception) -> CameraFault:
        """See `Feed`."""
        return faults.plugging(error)

    def close(self) -> None:
        """See `Feed`."""
        self._container.close()

    def _packets(self) -> Iterator[Any]:
        """What comes, and None while nothing does; ends with the film, which a device has not."""
        while True:
            try:
                yield from self._container.demux(self._stream)
            except BlockingIOError:
                time.sleep(_PAUSE)
                yield None
            else:
                return

    def _made(self, packet: Any) -> list[Any]:
        """What is recorded of it: itself, or what its picture was encoded to."""
        if self._encoder is None:
            return [packet]
        if not packet.size or packet.pts is None:
            return []
        pts = int(packet.pts * packet.time_base * TIMESCALE)
        if not self._pace.takes(pts):
            return []
        try:
            frames = packet.decode()
        except av.FFmpegError:
            # Damaged on the wire, as cheap cables do: the next one is whole.
            return []
        return [made for frame in frames for made in self._encoder.encode(frame, pts)]


class Pace:
    """Which pictures to take of a camera that gives more than were asked for."""

    def __init__(self, fps: float) -> None:
        self._step = TIMESCALE / fps
        self._due: float | None = None

    def takes(self, pts: int) -> bool:
        """Whether the picture of that time, in ticks of TIMESCALE, is one of them."""
        due = self._due if self._due is not None else pts
        if pts < due - self._step / 4 and due - pts < 2 * self._step:
            return False
        # After a pause, or where the camera's clock was set, from now on.
        self._due = due + self._step if abs(pts - due) < self._step else pts + self._step
        return True
