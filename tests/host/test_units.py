"""The tier's units on the running host: which there are, that they run, in what order, and how exposed each is."""

from typing import Any

from tests.host import whole
from tests.host.runner import Host
from tests.host.verdicts import changed_units, exposed


def test_systemd_has_nothing_that_failed(host: Host):
    assert [line.split()[0] for line in host.run("systemctl", "--failed", "--plain", "--no-legend").lines] == []


def test_the_target_is_active_and_comes_back_after_a_restart(host: Host, tier: str):
    shown = host.run("systemctl", "show", "--property=ActiveState,UnitFileState", f"guardian-{tier}.target").lines
    assert sorted(shown) == ["ActiveState=active", "UnitFileState=enabled"]


def test_the_units_of_the_tier_are_installed_and_no_others(host: Host, expected: dict[str, Any]):
    assert whole.unit_files(host) == expected["unit_files"]


def test_what_should_run_for_long_does(host: Host, expected: dict[str, Any]):
    assert whole.running(host) == expected["running"]


def test_units_are_ordered_without_a_cycle(host: Host, tier: str):
    said = host.run("journalctl", "-q", "-b", "-o", "cat", "_PID=1").out
    assert [line for line in said.splitlines() if "ordering cycle" in line.lower()] == []
    checked = host.try_run("systemd-analyze", "verify", f"guardian-{tier}.target")
    assert [line for line in checked.err.splitlines() if "guardian" in line] == []


def test_systemd_goes_by_the_unit_files_that_lie_there(host: Host, services: list[str]):
    shown = host.run("systemctl", "show", "--property=Id,NeedDaemonReload", "--", *services).out
    assert "NeedDaemonReload=yes" not in shown


def test_units_are_what_the_release_ships_to_the_letter(
    host: Host, tier: str, services: list[str], expected: dict[str, Any]
):
    ours = [name for name in services if name not in expected.get("made_by_roles", {})]
    assert changed_units(host, tier, ours) == {}


def test_no_unit_is_more_exposed_than_its_ceiling(host: Host, services: list[str], ceilings: dict[str, float]):
    assert exposed(host, services, ceilings) == {}


def test_what_status_points_at_can_be_read_on_the_host(host: Host, services: list[str]):
    shown = host.run("systemctl", "show", "--value", "--property=Documentation", "--", *services).out.split()
    pages = sorted({item.removeprefix("file://") for item in shown if item.startswith("file:///opt/")})
    assert pages
    assert [path for path, found in zip(pages, host.describe(*pages), strict=True) if found is None] == []
