"""The demo's run folder below /tmp, where everybody may make folders."""

from pathlib import Path

import pytest

from guardian.cli.demo.home import claim
from guardian.cli.demo.supervisor import DemoError


def test_a_folder_of_its_own_is_made_private_and_found_again(tmp_path: Path):
    folder = tmp_path / "run"
    claim(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    claim(folder)


def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path):
    """Whoever owns or writes it could put a gateway's socket of their own there."""
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(DemoError) as refused:
        claim(folder)
    assert refused.value.reason == "demo_run_folder"


def test_a_link_to_somewhere_else_is_not_followed(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DemoError) as refused:
        claim(tmp_path / "run")
    assert refused.value.reason == "demo_run_folder"
