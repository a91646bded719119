"""Users and groups: those of the tier, without a shell or a home, in exactly their groups."""

from typing import Any

import pytest
from tests.host import whole
from tests.host.runner import Host

_NOLOGIN = {"/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false"}


@pytest.fixture(scope="session")
def accounts(host: Host) -> dict[str, Any]:
    """All of the host's."""
    return host.accounts()


def test_the_tiers_users_are_there_and_no_others(host: Host, expected: dict[str, Any]):
    assert whole.users(host) == expected["users"]


def test_none_of_them_can_log_in_and_all_are_system_users(host: Host, accounts: dict[str, Any]):
    shadow = {line.split(":")[0]: line.split(":")[1] for line in (host.read("/etc/shadow") or "").splitlines()}
    for user in accounts["users"]:
        if user["name"].startswith("guardian"):
            assert user["shell"] in _NOLOGIN, user
            assert 0 < user["uid"] < 1000, user
            assert shadow[user["name"]][:1] in ("!", "*"), user["name"]
            assert host.describe(user["home"])[0] is None or user["home"] == "/", user


def test_root_alone_has_roots_number_and_nobody_has_an_empty_password(host: Host, accounts: dict[str, Any]):
    assert [user["name"] for user in accounts["users"] if user["uid"] == 0] == ["root"]
    empty = [line.split(":")[0] for line in (host.read("/etc/shadow") or "").splitlines() if line.split(":")[1] == ""]
    assert empty == []


def test_nobody_is_in_a_daemons_own_group(accounts: dict[str, Any], expected: dict[str, Any]):
    """Operators are in `guardian`; a daemon's own group is its alone, but for those that are written down."""
    for name, members in accounts["groups"].items():
        if name.startswith("guardian-"):
            assert set(members) <= {user for user, groups in expected["users"].items() if name in groups}, name
