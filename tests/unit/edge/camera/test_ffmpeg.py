"""The daemon says which FFmpeg runs: what it says is what PyAV itself says, where PyAV says it at all."""

import av
from av.codec.hwaccel import hwdevices_available

from guardian.edge.camera.ffmpeg import Ffmpeg, running


def test_it_names_the_devices_that_pyav_knows_of() -> None:
    assert running().devices == set(hwdevices_available())


def test_it_names_the_version_that_runs() -> None:
    assert running().version == av.ffmpeg_version_info
    assert running().version in running().sentence


def test_it_says_whether_vaapi_is_there() -> None:
    assert "without VAAPI" in Ffmpeg("8.1", frozenset({"cuda"})).sentence
    assert "with VAAPI" in Ffmpeg("7.1", frozenset({"vaapi"})).sentence
