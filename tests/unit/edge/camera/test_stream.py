"""Coded pictures: parameter sets, codec names, the ring, the clock, fragments in the face of strange time stamps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.edge.camera.drawing import drawn_units

from guardian.edge.camera.clock import StreamClock
from guardian.edge.camera.faults import CameraFault
from guardian.edge.camera.fragments import Fragmenter, OrderError
from guardian.edge.camera.ring import Ring
from guardian.edge.camera.stream import Parameters, Unit, begins_picture, nal_units, parameter_sets

NOTHING = Parameters("h264", (), b"")


def unit(number: int, *, key: bool = False, size: int = 10, parameters: Parameters = NOTHING) -> Unit:
    return Unit(bytes(size), number * 6000, key, number / 15, parameters)


def test_parameter_sets_are_found_and_named():
    units = drawn_units("libx264", 5)
    parameters = units[0].parameters
    assert [nal[0] & 31 for nal in parameters.sets] == [7, 8]
    template = parameters.template
    assert (template.width, template.height) == (160, 96)
    assert template.codec_string.startswith("avc1.42")


def test_hevc_is_named_too():
    template = drawn_units("libx265", 3)[0].parameters.template
    assert (template.width, template.height) == (160, 96)
    assert template.codec_string.startswith("hev1.1.6.L")


@given(st.binary(max_size=300))
def test_no_bytes_a_camera_can_send_break_the_parsers(data: bytes):
    assert b"".join(nal_units(data)) is not None
    for codec in ("h264", "hevc"):
        assert isinstance(parameter_sets(codec, b"\0\0\1" + data), tuple)
        assert begins_picture(codec, data) in {True, False}


def test_parameter_sets_that_are_nonsense_are_the_cameras_fault():
    with pytest.raises(CameraFault) as fault:
        _ = Parameters("h264", (b"\x67nonsense", b"\x68"), b"\0\0\1\x65abc").template
    assert fault.value.reason == "unsupported_codec"


def test_the_ring_begins_with_a_key_frame_and_reaches_back_far_enough():
    ring = Ring(2.0)
    for number in range(5, 150):
        ring.push(unit(number, key=number % 15 == 0))
    held = ring.since(0)
    assert held[0].key
    assert 149 / 15 - held[0].time >= 2.0
    assert held[0].time > 149 / 15 - 4.1
    assert ring.since(held[-1].time)[0].key


def test_the_ring_is_bounded_in_bytes_even_without_key_frames():
    ring = Ring(60.0, max_bytes=1000)
    for number in range(1000):
        ring.push(unit(number, key=number == 0, size=100))
    assert ring.size <= 1000
    assert ring.since(0) == []


def test_the_ring_forgets_what_another_format_sent():
    ring = Ring(60.0)
    ring.push(unit(0, key=True))
    other = Parameters("h264", (b"\x67",), b"")
    ring.push(unit(1, key=True, parameters=other))
    assert [item.parameters for item in ring.since(0)] == [other]


def test_the_clock_follows_the_least_delayed_picture_and_then_only_slowly():
    clock = StreamClock()
    for number in range(15):
        clock.observe(number / 15, 1000.5)
    settled = clock.observe(1.0, 1001.0)
    assert settled == pytest.approx(1000.5 - 14 / 15 + 1.0)
    before = clock.observe(4.0, 1004.0)
    after = clock.observe(5.0, 1005.4)
    assert after - before == pytest.approx(1.0)


def test_a_clock_that_was_set_is_followed_at_once():
    clock = StreamClock()
    clock.observe(0.0, 1000.0)
    assert clock.observe(10.0, 4610.0) == 4610.0


def test_fragments_are_contiguous_and_begin_at_nought():
    units = drawn_units("libx264", 60, b_frames=2)
    muxer = Fragmenter(units[0].parameters, depth=2, frame=6000)
    fragments = [made for item in units if (made := muxer.push(item))]
    last = muxer.finish()
    assert last is not None
    fragments.append(last)
    assert [item.start for item in fragments] == [0, 90_000, 180_000, 270_000]
    assert all(item.duration == 90_000 and item.key and item.data[4:8] == b"moof" for item in fragments)
    assert muxer.init[4:8] == b"ftyp"


def test_without_key_frames_a_fragment_still_ends_after_a_second():
    units = drawn_units("libx264", 60, gop=1000)
    muxer = Fragmenter(units[0].parameters, depth=0, frame=6000)
    fragments = [made for item in units if (made := muxer.push(item))]
    muxer.abandon()
    assert [item.key for item in fragments] == [True] + [False] * (len(fragments) - 1)
    assert all(item.duration <= 1.1 * 90_000 for item in fragments)


@pytest.mark.parametrize("jump", [0, -6000, -90_000 * 3600])
def test_time_stamps_that_stand_still_or_go_back_end_the_clip(jump: int):
    units = drawn_units("libx264", 3)
    muxer = Fragmenter(units[0].parameters, depth=0, frame=6000)
    muxer.push(units[0])
    units[1].pts = units[0].pts + jump
    with pytest.raises(OrderError):
        muxer.push(units[1])
    assert muxer.finish() is not None
