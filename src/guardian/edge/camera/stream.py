"""Coded pictures as a camera sends them, and what a player must know before the first of them."""

import io
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import av

from guardian.edge.camera.faults import CameraFault

# Ticks a second of everything recorded: what RTP uses for video.
TIMESCALE = 90_000
# FFmpeg's name of a codec to its raw byte-stream format.
CODECS = ("h264", "hevc")
# 8192 x 4320. A decoder keeps up to 17 pictures: larger ones from one camera would take the memory of all.
MAX_PIXELS = 8192 * 4320


@dataclass(frozen=True)
class Parameters:
    """Codec and parameter sets (Annex B) of a stream; equal ones may stand in one clip."""

    codec: str
    sets: tuple[bytes, ...]
    # One key picture to probe: FFmpeg wants a slice before it believes the sets.
    sample: bytes = field(compare=False, repr=False)

    @cached_property
    def template(self) -> "Template":
        """FFmpeg's view of them."""
        return Template(self)


class Template:
    """A stream of its own for muxers and decoders to copy from: it outlives the camera's connection."""

    def __init__(self, parameters: Parameters) -> None:
        raw = b"".join(b"\0\0\0\1" + item for item in parameters.sets)
        try:
            self._container = av.open(io.BytesIO(raw + parameters.sample), format=parameters.codec)
            self.stream = self._container.streams.video[0]
        except (av.FFmpegError, IndexError) as error:
            raise CameraFault("unsupported_codec") from error
        self.width, self.height = self.stream.width, self.stream.height
        self.codec_string = _codec_string(parameters)
        self.extradata = raw
        if not self.width or not self.height or not self.codec_string:
            raise CameraFault("unsupported_codec")
        if self.width * self.height > MAX_PIXELS:
            raise CameraFault("picture_too_large")


@dataclass(slots=True)
class Unit:
    """One access unit in decode order."""

    data: bytes
    # Ticks of TIMESCALE on the camera's own clock, of when it is shown.
    pts: int
    key: bool
    # Wall clock, seconds, of when it is shown.
    time: float
    parameters: Parameters = field(repr=False)


def nal_units(data: bytes) -> list[bytes]:
    """The NAL units of an Annex B access unit, without start codes."""
    return [nal for piece in data.split(b"\0\0\1")[1:] if (nal := piece.rstrip(b"\0"))]


def parameter_sets(codec: str, data: bytes) -> tuple[bytes, ...]:
    """VPS, SPS and PPS in an access unit or in extradata, sorted by type; empty when it carries none."""
    kinds = (7, 8) if codec == "h264" else (32, 33, 34)
    found: dict[bytes, None] = {}
    # They stand before the first slice: no need to search a whole key frame.
    for nal in nal_units(data[:4096]):
        kind = nal[0] & 0x1F if codec == "h264" else (nal[0] >> 1) & 0x3F
        if kind in kinds:
            found[nal] = None
    ordered = sorted(found, key=lambda nal: nal[0] & 0x1F if codec == "h264" else (nal[0] >> 1) & 0x3F)
    has_sps = any((nal[0] & 0x1F if codec == "h264" else (nal[0] >> 1) & 0x3F) == kinds[-2] for nal in ordered)
    return tuple(ordered) if has_sps else ()


def begins_picture(codec: str, data: bytes) -> bool:
    """Whether a packet holds the first slice of its picture."""
    for nal in nal_units(data[:8192]):
        if codec == "h264" and nal[0] & 0x1F in (1, 5):
            # first_mb_in_slice is 0: a single 1 bit.
            return len(nal) > 1 and nal[1] & 0x80 != 0
        if codec == "hevc" and (nal[0] >> 1) & 0x3F < 32:
            return len(nal) > 2 and nal[2] & 0x80 != 0
    return True


def _codec_string(parameters: Parameters) -> str:
    """RFC 6381."""
    for nal in parameters.sets:
        if parameters.codec == "h264" and nal[0] & 0x1F == 7 and len(nal) > 4:
            return f"avc1.{nal[1]:02x}{nal[2]:02x}{nal[3]:02x}"
        if parameters.codec == "hevc" and (nal[0] >> 1) & 0x3F == 33 and len(nal) > 15:
            return _hevc_string(nal.replace(b"\0\0\3", b"\0\0"))
    return ""


def _hevc_string(sps: bytes) -> str:
    # profile_tier_level follows 2 header bytes and 1 byte of ids.
    space, tier, profile = sps[3] >> 6, sps[3] >> 5 & 1, sps[3] & 0x1F
    compatibility = int(f"{int.from_bytes(sps[4:8], 'big'):032b}"[::-1], 2)
    constraints = sps[8:14].rstrip(b"\0")
    text = f"hev1.{'ABC'[space - 1] if space else ''}{profile}.{compatibility:X}.{'LH'[tier]}{sps[14]}"
    return text + "".join(f".{byte:X}" for byte in constraints)


def decoder(parameters: Parameters) -> Any:
    """A decoder on one thread: more threads cost more CPU a picture, and cameras are many."""
    context = av.CodecContext.create(parameters.codec, "r")
    context.extradata = parameters.template.extradata
    context.thread_count = 1
    # A picture may be larger than its stream said at first.
    context.options = {"max_pixels": str(MAX_PIXELS)}
    return context
