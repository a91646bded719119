"""From inside each unit's sandbox: what it may do is exactly what is written down, nothing missing and nothing more."""

from typing import Any

import pytest
from tests.host.runner import Host
from tests.host.sandbox import Seen, probe

# One place in each world a daemon might send to.
PLACES = {"loopback": "127.0.0.1", "tunnel": "10.86.0.1", "internet": "198.51.100.1"}


@pytest.fixture(scope="session")
def seen(host: Host, services: list[str]) -> dict[str, Seen]:
    """What the probe saw as each unit."""
    return {name: probe(host, name, PLACES) for name in services}


def test_every_unit_has_an_expectation_and_every_expectation_a_unit(services: list[str], expected: dict[str, Any]):
    assert sorted(services) == sorted(expected["sandbox"])


def compare(seen: dict[str, Seen], expected: dict[str, Any], key: str, value: Any) -> None:
    """One assertion for all units: the difference is what one wants to read."""
    found = {name: value(item) for name, item in seen.items()}
    assert found == {name: expected["sandbox"][name][key] for name in found}


def test_each_runs_as_its_own_user_and_in_no_more_groups(seen: dict[str, Seen], expected: dict[str, Any]):
    compare(seen, expected, "user", lambda item: item.who["user"])
    compare(seen, expected, "groups", lambda item: sorted({item.who["group"], *item.who["groups"]}))


def test_each_has_exactly_its_capabilities(seen: dict[str, Seen], expected: dict[str, Any]):
    compare(seen, expected, "capabilities", lambda item: item.capabilities("Bnd"))
    for name, item in seen.items():
        own = set(expected["sandbox"][name]["capabilities"])
        assert set(item.capabilities("Eff")) <= own, name
        # Who is not root has what it may use as ambient, and nothing it could take up later.
        if item.who["user"] != "root":
            assert set(item.capabilities("Prm")) == set(item.capabilities("Amb")) == set(item.capabilities("Eff")), name


def test_none_may_gain_privileges_and_all_are_filtered(seen: dict[str, Seen]):
    assert [name for name, item in seen.items() if not (item.who["no_new_privileges"] and item.who["seccomp"])] == []


def test_each_may_do_exactly_what_it_must(seen: dict[str, Seen], expected: dict[str, Any]):
    compare(seen, expected, "may", lambda item: sorted(item.allowed))


def test_each_writes_exactly_its_own_folders(seen: dict[str, Seen], expected: dict[str, Any]):
    compare(seen, expected, "writes", lambda item: item.writable)


def test_each_may_ask_exactly_those_it_must(seen: dict[str, Seen], expected: dict[str, Any]):
    compare(seen, expected, "asks", lambda item: item.sockets)


def test_each_is_given_exactly_its_secrets_and_devices(seen: dict[str, Seen], expected: dict[str, Any]):
    compare(seen, expected, "secrets", lambda item: item.who["credentials"])
    compare(seen, expected, "devices", lambda item: item.devices)


def test_each_sends_only_where_its_job_is(seen: dict[str, Seen], expected: dict[str, Any]):
    """Where this host has no way at all, the kernel says so before any filter is asked: that is no leave."""
    compare(seen, expected, "sends", lambda item: sorted(key for key, said in item.sends.items() if said == "allowed"))
