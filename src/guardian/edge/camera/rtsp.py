"""A camera in the network: its packets as they come."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import av

from guardian.edge.camera import faults
from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.feed import OPEN_SECONDS, READ_SECONDS
from guardian.edge.camera.packets import PacketReader
from guardian.edge.camera.stream import CODECS, Unit
from guardian.edge.config import Camera

_OPTIONS = {
    "rtsp_transport": "tcp",
    # A redirection must not lead to files or other protocols.
    "protocol_whitelist": "rtsp,rtsps,rtp,tcp,tls,crypto",
    "probesize": "200000",
    "analyzeduration": "500000",
    "fpsprobesize": "0",
    "allowed_media_types": "video",
}


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


def connect(camera: Camera) -> "RtspFeed":
    """Dial it; CameraFault when it cannot be watched."""
    begun = time.monotonic()
    try:
        container = av.open(address_of(camera), options=_OPTIONS, timeout=(OPEN_SECONDS, READ_SECONDS))
    except (av.FFmpegError, OSError, ValueError) as error:
        fault = faults.opening(error, waited=time.monotonic() - begun >= OPEN_SECONDS - 0.2)
        # The error's text and traceback hold the address with its password.
        raise fault from None
    try:
        return RtspFeed(container)
    except CameraFault:
        container.close()
        raise


class RtspFeed:
    """A `Feed`."""

    def __init__(self, container: Any) -> None:
        streams = container.streams.video
        if not streams:
            raise CameraFault("no_video")
        self._container, self._stream = container, streams[0]
        self.codec = self._stream.codec_context.name
        if self.codec not in CODECS:
            raise CameraFault("unsupported_codec")
        extradata = bytes(self._stream.codec_context.extradata or b"")
        self._reader = PacketReader(self.codec, extradata, self._stream.time_base)

    @property
    def fps(self) -> float:
        """Pictures a second as they arrive."""
        return self._reader.fps

    def units(self) -> Iterator[Unit]:
        """See `Feed`."""
        for packet in self._container.demux(self._stream):
            unit = self._reader.take(packet, time.time())
            if unit is not None:
                yield unit

    def ended(self, error: Exception) -> CameraFault:
        """See `Feed`."""
        return faults.reading(error)

    def close(self) -> None:
        """See `Feed`."""
        self._container.close()
