"""Cameras on this machine's own ports: what each is called for good, by sysfs, and what it can, by V4L2.

A name says where a device is plugged in, as the kernel does (`usb-0000:00:14.0-1.2`: controller and port), for numbers
of /dev/videoN change from start to start, and serial numbers of cheap cameras are all the same. Names are compared and
never made into a path.
"""

import contextlib
import errno
import fcntl
import os
import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SCHEME = "v4l2"
SYSFS = Path("/sys/class/video4linux")
DEV = Path("/dev")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}-[A-Za-z0-9._:-]{1,160}")
_NODE = re.compile(r"video[0-9]{1,3}")
_ROOT_HUB = re.compile(r"usb[0-9]+")
_ODD = re.compile(r"[^A-Za-z0-9._:-]")
_MAJOR = 81
_CARD = 64

# linux/videodev2.h. QUERYCAP fills driver, card, bus_info, version, capabilities, device_caps.
_QUERYCAP, _CAPABILITY = 0x80685600, struct.Struct("=16s32s32sIII12x")
_CAPTURE, _STREAMING, _HAS_DEVICE_CAPS = 0x1, 0x04000000, 0x80000000
# ENUM_FMT takes index and type, and fills flags, description, the format's four characters.
_ENUM_FMT, _FORMAT = 0xC0405602, struct.Struct("=III32s4s16x")
_TYPE_CAPTURE = 1
_MOST_FORMATS = 64


@dataclass(frozen=True)
class Node:
    """One `videoN` of a device, which may have several; not all of them give pictures."""

    kernel: str
    name: str
    card: str

    @property
    def source(self) -> str:
        """What stands in a camera's file."""
        return f"{SCHEME}:{self.name}"


def is_name(text: str) -> bool:
    """Whether a device may be called so."""
    return _NAME.fullmatch(text) is not None


def is_node(text: str) -> bool:
    """Whether the kernel may call a video device so: `video0`."""
    return _NODE.fullmatch(text) is not None


def nodes(sysfs: Path = SYSFS) -> list[Node]:
    """All there are, by their numbers."""
    try:
        names = [item.name for item in os.scandir(sysfs) if is_node(item.name)]
    except OSError:
        return []
    found = (node(name, sysfs) for name in sorted(names, key=lambda name: int(name.removeprefix("video"))))
    return [one for one in found if one is not None]


def node(kernel: str, sysfs: Path = SYSFS) -> Node | None:
    """One by the kernel's name; None when it is gone, or has no name that could be told from another."""
    if not is_node(kernel):
        return None
    try:
        folder = (sysfs / kernel).resolve(strict=True)
        card = _text(folder / "name")
        name = _name(folder, card)
    except OSError:
        return None
    return Node(kernel, name, card) if is_name(name) else None


def _name(folder: Path, card: str) -> str:
    if not (folder / "device").exists():
        return f"virtual-{_plain(card)}"
    device = (folder / "device").resolve(strict=True)
    subsystem = (device / "subsystem").resolve(strict=True).name
    if subsystem != "usb":
        # Its parent alone does not tell it from others: one may have several devices.
        return f"{subsystem}-{device.name}-{_plain(card)}"
    # The device is an interface (`1-2:1.0`); what it is one of says the port, the root hub's parent the controller.
    root = next((parent for parent in device.parents if _ROOT_HUB.fullmatch(parent.name)), None)
    return f"usb-{root.parent.name}-{_text(device.parent / 'devpath')}" if root is not None else ""


def _text(file: Path) -> str:
    """A line of sysfs, of which a device may have said what it wanted."""
    with file.open("rb") as opened:
        said = opened.read(256).decode("utf-8", "replace")
    return "".join(sign for sign in said if sign.isprintable()).strip()[:_CARD]


def _plain(text: str) -> str:
    return _ODD.sub("_", text)


@contextlib.contextmanager
def opened(kernel: str, dev: Path = DEV) -> Iterator[int]:
    """A device's node, open; OSError, also where something else lies there."""
    descriptor = os.open(dev / kernel, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISCHR(about.st_mode) or os.major(about.st_rdev) != _MAJOR:
            raise OSError(errno.ENODEV, "No video device lies there", kernel)
        yield descriptor
    finally:
        os.close(descriptor)


def formats(descriptor: int) -> tuple[str, ...]:
    """What pictures an open device gives, as four characters each (`MJPG`, `YUYV`); empty when it gives none."""
    said = bytearray(_CAPABILITY.size)
    try:
        fcntl.ioctl(descriptor, _QUERYCAP, said)
    except OSError as error:
        if error.errno == errno.ENOTTY:
            return ()
        raise
    *_, of_all, of_this = _CAPABILITY.unpack(said)
    able = of_this if of_all & _HAS_DEVICE_CAPS else of_all
    if not (able & _CAPTURE and able & _STREAMING):
        return ()
    return tuple(_enumerate(descriptor))


def _enumerate(descriptor: int) -> Iterator[str]:
    for index in range(_MOST_FORMATS):
        asked = bytearray(_FORMAT.pack(index, _TYPE_CAPTURE, 0, b"", b""))
        try:
            fcntl.ioctl(descriptor, _ENUM_FMT, asked)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return
            raise
        yield _FORMAT.unpack(asked)[4].decode("ascii", "replace")
