"""Cameras on a port where there is neither port nor kernel module: folders as of sysfs, and a device for one process.

The device is `device.c`, laid below the daemon by LD_PRELOAD: FFmpeg's own V4L2 code opens it, negotiates and maps its
buffers. Nothing of the product knows of it.
"""

import shutil
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

_C = Path(__file__).with_name("device.c")
# As a webcam in the second port of a hub in the first one of a PC's controller.
USB = "usb-0000:00:14.0-1.2"
# FFmpeg's encoder of what a format holds; none for plain pictures.
_ENCODERS = {"H264": "libx264", "MJPG": "mjpeg", "YUYV": ""}
_PLAIN = {"H264": "yuv420p", "MJPG": "yuvj420p", "YUYV": "yuyv422"}


class Sysfs:
    """`/sys` with video devices, links and all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.video = root / "class" / "video4linux"
        self.video.mkdir(parents=True)

    def webcam(self, *numbers: int, port: str = "1.2", card: str = "HD Webcam: HD Webcam") -> None:
        """Of a USB camera; pictures first, then metadata, as uvcvideo has them."""
        hub = self.root / "devices/pci0000:00/0000:00:14.0/usb3"
        self._subsystem(hub, "usb")
        device = hub
        for depth in range(port.count(".") + 1):
            device = device / f"3-{'.'.join(port.split('.')[: depth + 1])}"
        interface = device / f"3-{port}:1.0"
        self._subsystem(device, "usb")
        self._subsystem(interface, "usb")
        (device / "devpath").write_text(f"{port}\n")
        for number in numbers:
            self._node(interface, number, card)

    def vivid(self, instance: int, first: int) -> None:
        """Of vivid: pictures in, pictures out, of one platform device however many instances there are."""
        device = self.root / "devices/platform/vivid.0"
        self._subsystem(device, "platform")
        for number, what in ((first, "vid-cap"), (first + 1, "vid-out")):
            self._node(device, number, f"vivid-{instance:03}-{what}")

    def loopback(self, number: int, card: str) -> None:
        """Of no device at all."""
        self._node(self.root / "devices/virtual", number, card, has_device=False)

    def take_out(self, *numbers: int) -> None:
        """As when the plug is pulled."""
        for number in numbers:
            link = self.video / f"video{number}"
            shutil.rmtree(link.resolve())
            link.unlink()

    def _subsystem(self, device: Path, name: str) -> None:
        (self.root / "bus" / name).mkdir(parents=True, exist_ok=True)
        device.mkdir(parents=True, exist_ok=True)
        if not (device / "subsystem").exists():
            (device / "subsystem").symlink_to(self.root.joinpath("bus", name))

    def _node(self, device: Path, number: int, card: str, *, has_device: bool = True) -> None:
        folder = device / "video4linux" / f"video{number}"
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{card}\n")
        (folder / "index").write_text("0\n")
        if has_device:
            (folder / "device").symlink_to("../..")
        (self.video / f"video{number}").symlink_to(f"../../{folder.relative_to(self.root)}")


@dataclass(frozen=True)
class Device:
    """A webcam, for processes that are started with `before` and `environ`."""

    sysfs: Sysfs
    films: Path
    library: Path

    @classmethod
    def make(cls, folder: Path) -> "Device":
        """Compiled, plugged in, and with no film yet."""
        compiler = shutil.which("gcc")
        assert compiler is not None, "gcc is missing: install Debian's gcc and libc6-dev (tools/packages.txt)."
        library, films = folder / "device.so", folder / "films"
        subprocess.run([compiler, "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, _C], check=True)
        films.mkdir()
        made = cls(Sysfs(folder / "sys"), films, library)
        made.sysfs.webcam(0, 1)
        (films / "video1").write_bytes(b"UVCH 0 0 1\n")
        return made

    @property
    def before(self) -> list[str]:
        """In front of a command: it sees this /sys."""
        script = 'mount --bind "$0" /sys && exec "$@"'
        return ["unshare", "--mount", "--", "sh", "-c", script, str(self.sysfs.root)]

    @property
    def environ(self) -> dict[str, str]:
        """In its environment: it sees the device."""
        return {"VIDEO_DEVICE": str(self.films), "LD_PRELOAD": str(self.library)}

    def show(self, film: Path, kind: str) -> None:
        """Have it show a film over and over: `H264`, `MJPG` or `YUYV`."""
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            fps = Fraction(stream.average_rate or 15)
            made = b"".join(_pictures(container.decode(stream), kind, fps))
            head = f"{kind} {stream.width} {stream.height} {round(fps)}\n".encode()
        aside = self.films / "new"
        aside.write_bytes(head + made)
        aside.replace(self.films / "video0")

    def say(self, what: str, *, now: bool) -> None:
        """`gone`, `busy` or `silent`, or not any more."""
        if now:
            (self.films / what).touch()
        else:
            (self.films / what).unlink()


def _pictures(frames: Iterable[Any], kind: str, fps: Fraction) -> Iterable[bytes]:
    encoder: Any = None
    for number, frame in enumerate(frames):
        picture = frame.reformat(format=_PLAIN[kind])
        if not _ENCODERS[kind]:
            yield _framed(picture.to_ndarray().tobytes())
            continue
        if encoder is None:
            encoder = av.CodecContext.create(_ENCODERS[kind], "w")
            encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, _PLAIN[kind]
            encoder.time_base, encoder.framerate, encoder.gop_size = 1 / fps, fps, round(fps)
            encoder.thread_count = 1
            encoder.options = {"tune": "zerolatency", "preset": "ultrafast"} if kind == "H264" else {}
        picture.pts, picture.time_base, picture.pict_type = number, 1 / fps, 0
        yield from (_framed(bytes(packet)) for packet in encoder.encode(picture))


def _framed(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data
