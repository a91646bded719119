"""A line of a unit's sandbox that is deleted on the host is found: by its text, and by what can then be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.host.runner import Host
from tests.host.sandbox import PLACES, probe
from tests.host.verdicts import changed_units, differences, exposed, template

_UNIT = {"edge": "guardian-analyzer.service", "node": "guardian-relay.service", "control": "guardian-agents.service"}
# Lines without which a probe can do more, whichever the unit. Most others are backed by a second one, or told by score.
_TOLD_BY_PROBE = ["User=", "UMask=0077", "RestrictAddressFamilies=", "PrivateTmp=yes", "ProtectProc=invisible"]


@contextmanager
def without(host: Host, unit: str, line: str) -> Iterator[None]:
    """The unit without the lines that begin so, as whoever edits it would leave it; put back afterwards."""
    path = host.run("systemctl", "show", "--property=FragmentPath", "--value", "--", unit).out.strip()
    text = host.read(path) or ""
    lines = text.splitlines(keepends=True)
    left = [item for item in lines if not item.startswith(line)]
    assert len(left) < len(lines), line
    place = f"/run/systemd/system.control/{unit}"
    host.write(place, "".join(left))
    host.run("systemctl", "daemon-reload")
    try:
        yield
    finally:
        host.remove(place)
        host.run("systemctl", "daemon-reload")


@pytest.mark.parametrize("line", _TOLD_BY_PROBE)
def test_without_it_a_probe_can_do_more(host: Host, tier: str, expected: dict[str, Any], line: str):
    unit = _UNIT[tier]
    wanted = expected["sandbox"][template(unit)]
    with without(host, unit, line):
        assert differences(probe(host, unit, PLACES), wanted) != {}
    assert differences(probe(host, unit, PLACES), wanted) == {}


def test_any_line_at_all_is_missed(host: Host, tier: str):
    unit = _UNIT[tier]
    text = host.run("systemctl", "cat", "--", unit).out.partition("# Sandbox")[2].partition("\n# /")[0]
    lines = [line for line in text.splitlines() if "=" in line and not line.startswith("#")]
    assert len(lines) > 25
    for line in lines:
        with without(host, unit, line):
            assert list(changed_units(host, tier, [unit])) == [unit], line
    assert changed_units(host, tier, [unit]) == {}


def test_a_drop_in_that_relaxes_it_is_found(host: Host, tier: str, ceilings: dict[str, float]):
    unit = _UNIT[tier]
    place = f"/run/systemd/system/{unit}.d/99-planted.conf"
    host.write(place, "[Service]\nProtectSystem=no\nPrivateDevices=no\nSystemCallFilter=\nRestrictNamespaces=no\n")
    host.run("systemctl", "daemon-reload")
    try:
        assert list(changed_units(host, tier, [unit])) == [unit]
        assert list(exposed(host, [unit], ceilings)) == [unit]
    finally:
        host.remove(place)
        host.run("systemctl", "daemon-reload")
    assert exposed(host, [unit], ceilings) == {}
