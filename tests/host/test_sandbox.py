"""From inside each unit's sandbox: what it may do is exactly what is written down, nothing missing and nothing more."""

from typing import Any

from tests.host.runner import Host
from tests.host.sandbox import PLACES, probe
from tests.host.verdicts import differences, instance, template


def test_every_unit_has_an_expectation_and_every_expectation_a_unit(services: list[str], expected: dict[str, Any]):
    assert sorted(map(template, services)) == sorted(expected["sandbox"])


def test_each_unit_can_do_exactly_what_is_written_down(host: Host, services: list[str], expected: dict[str, Any]):
    """User, groups, capabilities, attempts, where it sends, what it writes, whom it asks, its secrets and devices."""
    apart = {}
    for name in services:
        found = differences(probe(host, name, PLACES), expected["sandbox"][template(name)], instance(name))
        if found:
            apart[name] = found
    assert apart == {}
