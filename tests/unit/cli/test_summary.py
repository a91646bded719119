"""`guardian status` on a host with systemd: what its units say where no daemon speaks for itself."""

from guardian.cli.host.summary import sum_up
from guardian.cli.host.units import parse

_UNITS = """Id=guardian-uplink.service
LoadState=loaded
ActiveState=active
Type=notify
Restart=always

Id=guardian-tunnel.service
LoadState=loaded
ActiveState=active
Type=notify
Restart=always
StatusText=last handshake 14 s ago

Id=guardian-analyzer.service
LoadState=loaded
ActiveState=failed
Result=watchdog
Type=notify
Restart=always

Id=guardian-enroll.service
LoadState=loaded
ActiveState=activating
MainPID=77
Restart=on-failure
Type=notify
StatusText=asking the node

Id=guardian-migrate.service
LoadState=loaded
ActiveState=active
MainPID=0
Restart=on-failure
Type=oneshot

Id=guardian-wireguard-go.service
LoadState=loaded
ActiveState=inactive
Result=exec-condition
Restart=always
Type=exec

Id=guardian-cameras.path
LoadState=loaded
ActiveState=inactive

Id=guardian-update.timer
LoadState=loaded
ActiveState=active
"""


def test_a_host_says_what_runs_what_does_not_and_what_its_units_say():
    host = sum_up("edge", parse(_UNITS), {"uplink"}, "0.3.0")
    assert host.head.endswith("· release 0.3.0 · 2 of 3 units run")
    assert [(line.service, line.state) for line in host.lines] == [
        ("tunnel", "ok"),
        ("analyzer", "failed"),
        ("enroll", "waiting"),
        ("cameras.path", "failed"),
    ]
    assert host.lines[0].sentence == "last handshake 14 s ago"
    assert "watchdog" in host.lines[1].sentence


def test_without_a_release_in_force_it_says_so():
    assert "no release in force" in sum_up("edge", [], set(), "").head


def test_an_enrolment_that_ended_for_good_is_told_from_one_that_is_tried_again():
    unit = "Id=guardian-enroll.service\nLoadState=loaded\nRestart=on-failure\nType=notify\nResult=exit-code\n"

    def line(more: str) -> tuple[str, bool]:
        [found] = sum_up("edge", parse(unit + more), set(), "").lines
        return found.state, found.for_good

    assert line("ActiveState=failed\nExecMainStatus=78\n") == ("failed", True)
    assert line("ActiveState=failed\nExecMainStatus=1\n") == ("failed", False)
    assert line("ActiveState=activating\nSubState=auto-restart\nExecMainStatus=78\nNRestarts=3\n") == ("failed", False)
