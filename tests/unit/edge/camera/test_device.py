"""Pictures of a camera on a port: which format is taken, how many, and what they are encoded to."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from guardian.edge.camera.device import Choice, DeviceFeed, Pace, choose
from guardian.edge.camera.encoder import fit
from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.stream import TIMESCALE, Unit
from guardian.edge.config import UsbConfig


@contextmanager
def pictures(size: str, fps: int, seconds: int) -> Iterator[Any]:
    """Plain ones, drawn by FFmpeg, as a device would give them."""
    with av.open(f"testsrc2=size={size}:rate={fps}:duration={seconds}", format="lavfi") as container:
        yield container


def shown(units: list[Unit]) -> list[Any]:
    """Decoded by another decoder than made them."""
    context: Any = av.CodecContext.create("h264", "r")
    frames = []
    for unit in units:
        packet = av.Packet(unit.data)
        packet.pts = unit.pts
        frames += context.decode(packet)
    return frames + list(context.decode(None))


def test_h264_is_taken_before_what_must_be_encoded_and_mjpeg_before_plain_pictures() -> None:
    assert choose({"video0": ("YUYV", "MJPG"), "video2": ("H264",)}) == Choice("video2", "h264")
    assert choose({"video0": ("YUYV", "MJPG")}) == Choice("video0", "mjpeg")
    # An infrared camera beside the one for people.
    assert choose({"video0": ("GREY",), "video1": (), "video2": ("YUYV",)}) == Choice("video2", "yuyv422")


@pytest.mark.parametrize("offers", [{"video0": ()}, {"video0": ("GREY", "\ufffd\ufffd\ufffd\ufffd")}])
def test_what_nobody_can_read_is_said(offers: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(CameraFault) as fault:
        choose(offers)
    assert fault.value.reason == "no_format"


def test_plain_pictures_become_h264_of_the_size_and_pace_that_were_asked_for() -> None:
    with pictures("1920x1080", 30, 4) as container:
        units = list(DeviceFeed(container, UsbConfig()).units())
    assert len(units) == 4 * 15
    frames = shown(units)
    assert {(frame.width, frame.height) for frame in frames} == {(1280, 720)}
    # None waits for another, and all are shown in the order they came.
    assert [frame.pts for frame in frames] == [unit.pts for unit in units]
    keys = [unit.pts for unit in units if unit.key]
    assert len(keys) == 4
    assert {later - earlier for earlier, later in pairwise(keys)} == {TIMESCALE}


def test_a_camera_that_gives_few_pictures_in_the_dark_still_has_a_key_picture_a_second() -> None:
    with pictures("640x480", 3, 5) as container:
        units = list(DeviceFeed(container, UsbConfig()).units())
    keys = [unit.pts for unit in units if unit.key]
    assert len(units) == 15 and len(keys) == 5


def test_what_is_encoded_here_looks_like_what_was_shown() -> None:
    with pictures("640x360", 15, 1) as container:
        units = list(DeviceFeed(container, UsbConfig()).units())
    with pictures("640x360", 15, 1) as container:
        drawn = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    for before, after in zip(drawn, shown(units), strict=True):
        apart = abs(before.astype("int16") - after.to_ndarray(format="gray"))
        assert apart.mean() < 4


def test_pictures_of_another_size_have_parameters_of_their_own(tmp_path: Path) -> None:
    """As MJPEG through a pipe: each picture says its own size."""
    pipe = tmp_path / "pipe"
    data = b"".join(_jpegs("640x480", 8)) + b"not a picture" + b"".join(_jpegs("320x240", 8))
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    with av.open(str(pipe), format="mjpeg", container_options={"framerate": "10"}) as container:
        units = list(DeviceFeed(container, UsbConfig()).units())
    writer.join()
    sizes = [(unit.parameters.template.width, unit.parameters.template.height) for unit in units]
    assert list(dict.fromkeys(sizes)) == [(640, 480), (320, 240)]
    assert next(unit for unit, size in zip(units, sizes, strict=True) if size == (320, 240)).key


def _jpegs(size: str, count: int) -> Iterator[bytes]:
    encoder: Any = None
    with pictures(size, 10, 2) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == count:
                return
            if encoder is None:
                encoder = av.CodecContext.create("mjpeg", "w")
                encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
                encoder.time_base, encoder.thread_count = frame.time_base, 1
            yield from (bytes(packet) for packet in encoder.encode(frame.reformat(format="yuvj420p")))


@pytest.mark.parametrize(
    ("given", "taken"),
    [((1280, 720), (1280, 720)), ((640, 480), (640, 480)), ((1920, 1080), (1280, 720)), ((1600, 1200), (960, 720)),
     ((321, 241), (320, 240)), ((8192, 2), (1280, 2))],
)  # fmt: skip
def test_a_picture_keeps_its_shape_and_is_never_made_larger(given: tuple[int, int], taken: tuple[int, int]) -> None:
    assert fit(*given, 1280, 720) == taken


@pytest.mark.parametrize(
    ("given", "wanted", "taken"), [(30, 15, 15), (20, 15, 15), (15, 15, 15), (10, 15, 10), (60, 1, 1)]
)
def test_no_more_pictures_are_taken_than_were_asked_for(given: int, wanted: int, taken: int) -> None:
    pace = Pace(wanted)
    # Never quite in time.
    times = [round(number * TIMESCALE / given) + number * 37 % 200 for number in range(given * 10)]
    assert abs(sum(map(pace.takes, times)) - taken * 10) <= 1


def test_a_clock_that_was_set_stops_nothing() -> None:
    pace = Pace(15)
    assert pace.takes(10_000_000)
    assert pace.takes(0)
    assert pace.takes(6000)
    assert not pace.takes(6100)
    assert pace.takes(50_000_000)
