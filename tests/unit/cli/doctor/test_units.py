"""What is said of units, from `systemctl show` as systemd 252 and 257 print it."""

import pytest

from guardian.cli.doctor.checks.units import fault_of, judge
from guardian.cli.host.units import Unit, parse

_TARGET = "Id=guardian-edge.target\nLoadState=loaded\nActiveState=active\nSubState=active\nUnitFileState=enabled\n"
_RUNS = (
    "Id=guardian-uplink.service\nLoadState=loaded\nActiveState=active\nSubState=running\nResult=success\n"
    "Type=notify\nRestart=always\nNRestarts=0\nExecMainStatus=0\nStatusText=connected = well\nConditionResult=yes\n"
)


def unit(**changes: str) -> Unit:
    return Unit("guardian-uplink.service", {**parse(_RUNS)[0].raw, **changes})


def reasons(*units: Unit) -> list[str]:
    return [item.reason for item in judge([parse(_TARGET)[0], *units], "edge")]


def test_a_tier_whose_units_run_is_well():
    found = list(judge(parse(_TARGET + "\n" + _RUNS), "edge"))
    assert [item.verdict for item in found] == ["good"]
    assert parse(_RUNS)[0].get("StatusText") == "connected = well"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ActiveState": "inactive", "SubState": "dead"}, "unit_stopped"),
        ({"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainStatus": "1"}, "unit_failed"),
        ({"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "7"}, "unit_restarting"),
        ({"ActiveState": "activating", "SubState": "start", "NRestarts": "7"}, "unit_restarting"),
        ({"LoadState": "not-found", "ActiveState": "inactive"}, "unit_missing"),
        ({"LoadState": "masked", "ActiveState": "inactive"}, "unit_stopped"),
        (
            {"ActiveState": "inactive", "ConditionResult": "no", "ConditionTimestampMonotonic": "5"},
            "unit_waiting",
        ),
        ({"NeedDaemonReload": "yes"}, "unit_reload_needed"),
    ],
)
def test_what_is_wrong_with_a_unit_has_a_reason(changes: dict[str, str], reason: str):
    assert reason in reasons(unit(**changes))


def test_what_starts_for_the_first_time_or_has_done_its_work_is_not_missed():
    assert fault_of(unit(ActiveState="activating", SubState="start")) is None
    dead = {"ActiveState": "inactive", "SubState": "dead"}
    assert fault_of(unit(**dead, Type="oneshot")) is None
    assert fault_of(unit(**dead, Restart="on-failure")) is None
    assert fault_of(unit(**dead, Result="exec-condition")) is None


@pytest.mark.parametrize("name", ["guardian-update.timer", "guardian-release-apply.path"])
def test_what_waits_on_another_kind_of_host_is_not_missed(name: str):
    skipped = {"ActiveState": "inactive", "ConditionResult": "no", "ConditionTimestampMonotonic": "5"}
    waiting = Unit(name, {"LoadState": "loaded", **skipped})
    assert fault_of(waiting) is None
    stopped = fault_of(Unit(name, {**waiting.raw, "ConditionResult": "yes"}))
    assert stopped is not None and stopped.reason == "unit_stopped"


def test_a_secret_that_could_not_be_had_is_said_in_words():
    failed = unit(ActiveState="failed", Result="exit-code", ExecMainStatus="243")
    finding = fault_of(failed)
    assert finding is not None
    assert "secret" in finding.sentence


def test_a_target_that_is_gone_stopped_or_not_enabled():
    target = parse(_TARGET)[0]
    for changes, reason in (
        ({"LoadState": "not-found"}, "target_absent"),
        ({"ActiveState": "inactive"}, "target_inactive"),
        ({"UnitFileState": "disabled"}, "target_disabled"),
    ):
        found = list(judge([Unit(target.name, {**target.raw, **changes}), unit()], "edge"))
        assert reason in [item.reason for item in found]
