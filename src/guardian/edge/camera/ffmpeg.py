"""Which FFmpeg runs in this process, and what it could decode on: PyAV's wheels bring their own, without VAAPI."""

import ctypes
from dataclasses import dataclass
from functools import cache

import av


@dataclass(frozen=True)
class Ffmpeg:
    """`version` as FFmpeg says it, e.g. 7.1.5-0+deb13u1; `devices` it was built for, e.g. vaapi, cuda."""

    version: str
    devices: frozenset[str]

    @property
    def vaapi(self) -> bool:
        """Whether Intel's video engines could be used."""
        return "vaapi" in self.devices

    @property
    def sentence(self) -> str:
        """For a person."""
        able = "with" if self.vaapi else "without"
        return f"FFmpeg {self.version or 'of an unknown version'} by PyAV {av.__version__}, {able} VAAPI."


@cache
def running() -> Ffmpeg:
    """Asked of the library itself: releases of PyAV differ in what they tell.

    By way of PyAV's own module, for OpenCV brings another FFmpeg into the same process.
    """
    try:
        library = ctypes.CDLL(av._core.__file__)
        library.av_version_info.restype = ctypes.c_char_p
        library.av_hwdevice_get_type_name.restype = ctypes.c_char_p
        version: bytes = library.av_version_info() or b""
        devices, kind = set(), 0
        while kind := library.av_hwdevice_iterate_types(kind):
            devices.add((library.av_hwdevice_get_type_name(kind) or b"").decode("ascii", "replace"))
    except (OSError, AttributeError):
        return Ffmpeg("", frozenset())
    return Ffmpeg(version.decode("ascii", "replace"), frozenset(devices))
