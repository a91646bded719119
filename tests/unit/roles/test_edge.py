"""What the edge's preflight says of files on the machine that runs the play."""

import os
from pathlib import Path

import pytest
from tests.unit.roles.playing import ROOT, play, said


@pytest.mark.parametrize("there", [True, False])
def test_a_model_is_named_as_seen_from_the_repository(tmp_path: Path, there: bool) -> None:
    model = tmp_path / "model.onnx"
    if there:
        model.write_bytes(b"")
    playbooks = tmp_path / "somewhere"
    playbooks.mkdir()
    look = {"ansible.builtin.include_role": {"name": "edge", "tasks_from": "validate"}}
    done = play(
        playbooks,
        [{"hosts": "all", "tasks": [look]}],
        {"all": {"hosts": {"host": None}}},
        guardian_baking=True,
        edge_token="gdn1.x",
        edge_min_free_mb=0,
        edge_model_file=os.path.relpath(model, ROOT),
    )
    assert (done.returncode == 0) is there, done.stdout
    assert (f"{model} is not there. Nothing was changed." in said(done)) is not there
