"""The product's own word on a host that is well."""

import json
import time

from tests.host.runner import Host

# A lab has no time server and a small disk; that the doctor says so is right.
_OF_THE_LAB = {"clock_unsynchronised", "disk_low", "memory_low", "memory_pressure"}


def test_the_doctor_finds_nothing_wrong(host: Host, tier: str):
    end = time.monotonic() + 60
    while True:
        said = json.loads(host.try_run("guardian", "doctor", "--json").out)["findings"]
        wrong = [item for item in said if item["verdict"] in ("bad", "doubtful") and item["reason"] not in _OF_THE_LAB]
        # A host that has just been booted finds its peers within seconds.
        if not wrong or time.monotonic() > end:
            break
        time.sleep(1)
    assert wrong == []
    assert [item for item in said if item["verdict"] == "unseen"] == []
    # Nobody comes to an edge: it has no port to look at.
    ports = set() if tier == "edge" else {"ports"}
    assert {"units", "disk", "clock", "permissions", "release"} | ports <= {item["check"] for item in said}


def test_status_shows_every_daemon_on_a_screen_of_80_columns(host: Host, tier: str):
    answer = host.try_run("guardian", "status", env={"COLUMNS": "80"})
    assert answer.status in (0, 1), answer.out + answer.err
    assert max(map(len, answer.out.splitlines())) <= 80
    for word in {"edge": ("uplink", "analyzer"), "node": ("gateway", "relay", "agent"), "control": ("api", "agents")}[
        tier
    ]:
        assert word in answer.out


def test_an_operator_may_look_and_is_told_what_he_may_not_see(host: Host):
    """In group guardian and nobody: sockets answer, secrets stay secret."""
    answer = host.try_run(
        "setpriv", "--reuid", "65534", "--regid", "65534", "--groups", _number(host), "guardian", "doctor", "--json"
    )
    said = json.loads(answer.out)["findings"]
    assert "unseen" in {item["verdict"] for item in said}
    assert [item for item in said if item["reason"] in ("daemon_silent", "daemons_absent", "config_bad")] == []


def _number(host: Host) -> str:
    return host.run("getent", "group", "guardian").out.split(":")[2]
