"""Whether a release says before it is put in force that its daemons would not start."""

from pathlib import Path

import pytest

from guardian.cli import selfcheck


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "cameras").mkdir()
    text = f"state_dir: {tmp_path / 'state'}\nrun_dir: {tmp_path / 'run'}\ncameras_dir: {tmp_path / 'cameras'}\n"
    (tmp_path / "edge.yaml").write_text(text)
    return tmp_path


def test_the_daemons_of_a_tier_are_those_of_its_console_scripts() -> None:
    names = {daemon.name for daemon in selfcheck.daemons("edge")}
    assert {"guardian-camera", "guardian-analyzer", "guardian-uplink"} <= names
    assert not names & {daemon.name for daemon in selfcheck.daemons("control")}


def test_where_nothing_is_configured_each_daemon_is_loaded_at_least(tmp_path: Path) -> None:
    assert list(selfcheck.find_faults("node", tmp_path)) == []


def test_each_daemon_of_the_tier_judges_the_configuration(etc: Path) -> None:
    with (etc / "edge.yaml").open("a") as file:
        file.write("log_levell: info\n")
    faults = list(selfcheck.find_faults("edge", etc))
    assert len(faults) == len(selfcheck.daemons("edge"))
    assert all("log_levell" in fault and "log_level" in fault for fault in faults)


def test_a_daemon_that_cannot_be_loaded_is_named() -> None:
    fault = selfcheck.Daemon("guardian-camera", "guardian.edge.gone", "main").ask("--version")
    assert fault == "guardian-camera: ModuleNotFoundError: No module named 'guardian.edge.gone'"
