"""The recorder fed with units: which clips it makes of what it is told."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.camera.support import EdgeFolders
from tests.unit.edge.camera.drawing import drawn_units

from guardian.edge import identity as identities
from guardian.edge.camera.index import Clip
from guardian.edge.camera.recorder import Recorder
from guardian.edge.config import RecordConfig
from guardian.edge.roster import RosterFile


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("offset", [0.0, 0.03, 0.07, 0.1, 0.13])
def test_one_need_makes_one_clip_though_pictures_shown_earlier_come_after_its_end(
    tmp_path: Path, b_frames: int, offset: float
):
    """A P-frame ended the clip and the B-frame after it, shown before the end, began a second one of half a second."""
    folders = EdgeFolders(tmp_path / "edge", tmp_path)
    state = folders.settings.state_dir
    told: list[Clip] = []
    recorder = Recorder(
        folders.camera,
        "front",
        RecordConfig(pre_capture=1, post_capture=1),
        identities.load(state),
        RosterFile(state),
        changed=told.append,
        faulted=lambda _: None,
    )
    recorder.start()
    now = time.time()
    units = [replace(item, time=now - 3 + item.time) for item in drawn_units("libx264", 120, b_frames=b_frames)]
    for unit in units[:45]:
        recorder.offer(unit)
    recorder.need(now + 2 + offset)
    for unit in units[45:]:
        recorder.offer(unit)
    assert recorder.stop()
    (row,) = folders.clips()
    assert row["state"] == "closed"
    assert row["end"] == pytest.approx(now + 2 + offset, abs=0.25)
    assert {clip.object_id for clip in told} == {row["object_id"]}
