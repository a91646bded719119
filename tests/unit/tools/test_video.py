"""tools/releasing/video.py refuses what nobody tried, and role intel_gpu takes wheels for the same systems."""

import pytest
import yaml
from tools.releasing.video import ROOT, SOURCES, Refused, source_for


@pytest.mark.parametrize("major", [58, 60, 62])
def test_an_ffmpeg_that_was_not_tried_is_refused(major: int) -> None:
    with pytest.raises(Refused, match=f"libavcodec {major}"):
        source_for(major)


def test_the_role_installs_the_libraries_the_wheel_is_linked_to() -> None:
    variables = yaml.safe_load((ROOT / "roles" / "intel_gpu" / "vars" / "main.yml").read_text(encoding="utf-8"))
    lists = variables["intel_gpu_ffmpeg"].values()
    assert {name for names in lists for name in names if name.startswith("libavcodec")} == {
        f"libavcodec{major}" for major in SOURCES
    }
