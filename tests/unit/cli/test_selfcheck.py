"""Whether a release says before it is put in force that its daemons would not start."""

from pathlib import Path

import pytest

from guardian.cli import selfcheck
from guardian.common.database import open_sqlite
from guardian.edge.uplink.store import UplinkStore


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


def test_a_store_that_a_newer_release_made_its_own_is_named_before_anything_is_put_in_force(etc: Path) -> None:
    store = UplinkStore(etc / "state")
    store.close()
    assert list(selfcheck.refused_stores("edge", etc)) == []
    engine = open_sqlite(etc / "state/uplink/uplink.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    # A newer release that only added to it left word that this one may use it.
    assert list(selfcheck.refused_stores("edge", etc)) == []
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE oldest_code SET code = '9998'")
    engine.dispose()
    (fault,) = selfcheck.refused_stores("edge", etc)
    assert "uplink.db was written by a newer release (schema 9999)" in fault
