"""A camera that sends what no camera sends: its pictures have an end, and so has the memory they may take."""

import contextlib
from fractions import Fraction
from typing import Any

import av
import pytest
from tests.unit.edge.camera.drawing import drawn_units

from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.packets import MAX_PICTURE, PacketReader
from guardian.edge.camera.stream import MAX_PIXELS, Parameters, decoder, parameter_sets

# A slice that does not begin its picture: first_mb_in_slice is not 0.
LATER_SLICE = b"\0\0\0\1\x41\x40" + bytes([7]) * 500_000


def packet(data: bytes, pts: int, *, key: bool = False) -> Any:
    made: Any = av.Packet(data)
    made.pts, made.is_keyframe = pts, key
    return made


def test_slices_without_end_are_the_cameras_fault():
    first = drawn_units("libx264", 1)[0].data
    reader = PacketReader("h264", b"", Fraction(1, 90_000))
    reader.take(packet(first, 0, key=True), 0.0)
    reader.take(packet(LATER_SLICE, 0), 0.0)
    reader.take(packet(first, 6000, key=True), 0.1)
    with pytest.raises(CameraFault) as fault:
        for _ in range(2 * MAX_PICTURE // len(LATER_SLICE)):
            reader.take(packet(LATER_SLICE, 6000), 0.1)
    assert fault.value.reason == "damaged"


def test_a_packet_larger_than_any_picture_is_the_cameras_fault():
    reader = PacketReader("h264", b"", Fraction(1, 90_000))
    with pytest.raises(CameraFault) as fault:
        reader.take(packet(bytes(MAX_PICTURE + 1), 0, key=True), 0.0)
    assert fault.value.reason == "damaged"


def giant_picture() -> bytes:
    """One black key picture with more pixels than are taken, which take a few kilobytes."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 8208, 4400, "yuv420p"
    encoder.time_base = Fraction(1, 15)
    encoder.options = {"preset": "ultrafast", "threads": "1"}
    frame = av.VideoFrame(8208, 4400, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([128]) * plane.buffer_size)
    return b"".join(bytes(item) for item in [*encoder.encode(frame), *encoder.encode(None)])


def test_a_picture_larger_than_the_edge_has_memory_for_is_refused_and_not_decoded():
    data = giant_picture()
    assert MAX_PIXELS < 8208 * 4400
    parameters = Parameters("h264", parameter_sets("h264", data), data)
    with pytest.raises(CameraFault) as fault:
        _ = parameters.template
    assert fault.value.reason == "picture_too_large"
    # The decoder began with a small picture; the stream then says another size.
    context = decoder(drawn_units("libx264", 1)[0].parameters)
    frames = []
    with contextlib.suppress(av.FFmpegError):
        frames += context.decode(packet(data, 0, key=True))
        frames += context.decode(None)
    assert frames == []
