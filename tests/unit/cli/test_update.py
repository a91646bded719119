"""`guardian update` and `guardian disk` on a machine that is neither of ours nor a host with releases."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from guardian.appliance import releases
from guardian.cli import disk, update
from guardian.common import bundle
from guardian.common.errors import GuardianError
from guardian.edge.update.status import Place, State, Status


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine without slots and releases, whatever it has of them."""
    monkeypatch.setattr(bundle, "SLOT", tmp_path / "slot")
    monkeypatch.setattr(update, "this_host", lambda: releases.Host(root=tmp_path, state=tmp_path / "state"))
    monkeypatch.setattr(update, "STATE_DIR", tmp_path / "state")
    return tmp_path


@pytest.mark.parametrize("words", [["check"], ["apply"], ["apply", "a.update"], ["rollback"], ["history"], ["status"]])
def test_each_verb_says_that_nothing_can_be_updated_here_and_does_nothing(nowhere: Path, words: list[str]) -> None:
    result = CliRunner().invoke(update.app, words)
    assert isinstance(result.exception, GuardianError)
    assert result.exception.reason == "no_slots"
    assert list(nowhere.iterdir()) == []


def test_there_is_no_data_partition_of_ours_here() -> None:
    result = CliRunner().invoke(disk.app, ["status"])
    assert isinstance(result.exception, GuardianError)
    assert result.exception.reason == "no_slots"


def lay_a_release(folder: Path) -> None:
    (folder / "releases/1.0.0").mkdir(parents=True)
    (folder / "current").symlink_to("releases/1.0.0")


def test_an_update_that_is_no_file_is_told_of(nowhere: Path) -> None:
    lay_a_release(nowhere)
    result = CliRunner().invoke(update.app, ["apply", str(nowhere / "nofile")])
    assert isinstance(result.exception, GuardianError)
    assert result.exception.reason == "bundle_missing"


@pytest.mark.parametrize(("state", "ended"), [("fetching", True), ("refused", False)])
def test_a_fetcher_that_was_ended_in_between_goes_on_there(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, state: State, ended: bool
) -> None:
    lay_a_release(nowhere)
    programs = nowhere / "programs"
    programs.mkdir()
    (programs / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    place = Place(nowhere / "state")
    place.make()
    place.say(Status(state=state, sentence="Half of it is here."))
    result = CliRunner().invoke(update.app, ["apply"])
    assert result.exit_code == 1, result.exception
    assert "Half of it is here." in result.output
    assert ("The next run goes on there" in result.output) is ended
