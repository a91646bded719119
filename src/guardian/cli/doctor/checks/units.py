"""Do the tier's units run? systemd is asked, not the processes."""

from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, bad, doubtful, good, unseen
from guardian.cli.host.units import CREDENTIALS, Unit, target_of

_RESTARTS = 3


def check(subject: Subject) -> Iterator[Finding]:
    """The target, then each unit it wants."""
    if not subject.host:
        return
    if not subject.units:
        yield unseen("units", "systemd does not answer.")
        return
    yield from judge(subject.units, subject.place.tier)


def judge(units: list[Unit], tier: str) -> Iterator[Finding]:
    """One finding a fault; one for all that run."""
    target = units[0]
    if target.get("LoadState") != "loaded":
        yield bad("target_absent", f"systemd does not know {target_of(tier)}.")
        return
    if not target.active:
        yield bad("target_inactive", f"{target.name} is not started.", f"systemctl enable --now {target.name}")
    elif target.get("UnitFileState") == "disabled":
        sentence = f"{target.name} would not start with the machine."
        yield doubtful("target_disabled", sentence, f"systemctl enable {target.name}")
    wanted = [unit for unit in units[1:] if not _other_tier(unit, tier)]
    findings = [finding for unit in wanted if (finding := fault_of(unit)) is not None]
    yield from findings
    if any(unit.get("NeedDaemonReload") == "yes" for unit in units):
        yield doubtful("unit_reload_needed", "Unit files were changed since systemd read them.")
    running = [unit for unit in wanted if unit.active]
    if running and not findings:
        yield good("units", f"All {len(running)} units of {target.name} that should run do.")


def fault_of(unit: Unit) -> Finding | None:
    """The worst that is to be said of one unit; None when it does what it should."""
    name, state = unit.name, unit.get("ActiveState")
    if unit.get("LoadState") not in ("loaded", "masked"):
        if "@." in name:
            return None
        return bad("unit_missing", f"{name} is wanted, and its file is {unit.get('LoadState') or 'not there'}.")
    restarts = unit.number("NRestarts")
    if unit.get("SubState") == "auto-restart" or (state == "activating" and restarts >= _RESTARTS):
        return bad("unit_restarting", f"{name} ended {restarts} times and is started again ({why(unit)}).", _read(unit))
    if state == "failed":
        return bad("unit_failed", f"{name} has failed: {why(unit)}.", _read(unit))
    if unit.active or state == "activating":
        return None
    # What ends when its work is done, or is started by a timer or path, is not missed; nor what finds it is not needed.
    if unit.oneshot or not unit.lasting or unit.kind == "target" or unit.get("Result") == "exec-condition":
        return None
    if unit.kind in ("timer", "path") and unit.skipped:
        # For another kind of host, such as a machine that was made from an image, or one that takes updates.
        return None
    if unit.skipped:
        return doubtful("unit_waiting", f"{name} waits for something that is not there yet.")
    if unit.get("LoadState") == "masked":
        return bad("unit_stopped", f"{name} is masked.", f"systemctl unmask --now {name}")
    return bad("unit_stopped", f"{name} is stopped.", f"systemctl start {name}")


def why(unit: Unit) -> str:
    """A unit's result in words."""
    result, status = unit.get("Result"), unit.get("ExecMainStatus")
    if status == str(CREDENTIALS):
        return "its secret could not be had"
    words = {
        "exit-code": f"it ended with status {status}",
        "signal": "it was killed by a signal",
        "core-dump": "it crashed",
        "watchdog": "it hung, and its watchdog ended it",
        "timeout": "it was not ready in time",
        "oom-kill": "the kernel ended it for want of memory",
        "start-limit-hit": "it ended too often in too short a time",
        "resources": "systemd could not set up what it needs",
        "protocol": "it did not say that it is ready",
        "condition": "a condition does not hold",
    }
    return words.get(result, result or "no reason is known")


def _read(unit: Unit) -> str:
    return f"journalctl -u {unit.name} -n 30; mend what it says, then: systemctl restart {unit.name}"


def _other_tier(unit: Unit, tier: str) -> bool:
    return unit.kind == "target" and unit.name != target_of(tier)
