"""What role nginx's preflight refuses of the roles beside it."""

import re
from pathlib import Path

from tests.unit.roles.playing import play, said

LOOK = {"ansible.builtin.include_role": {"name": "nginx", "tasks_from": "validate"}}
ACME = {
    "nginx_certificate": "acme",
    "nginx_acme_email": "operator@example.net",
    "node_public_url": "https://node.example.net",
    "firewall_ssh_from": [],
}


# Settings, the roles that the host gets, and whether it is refused.
CASES: dict[str, tuple[dict[str, object], list[str], bool]] = {
    "a": ({}, ["firewall", "nginx"], True),
    "b": ({"firewall_http": True}, ["firewall", "nginx"], False),
    "c": ({"firewall_input": [{"port": 80, "from": ["0.0.0.0/0"]}]}, ["firewall", "nginx"], False),
    "d": ({"nginx_certificate": "self_signed"}, ["firewall", "nginx"], False),
    # Somebody else's firewall.
    "e": ({}, ["nginx"], False),
}


def test_a_challenge_that_nothing_lets_in_is_refused(tmp_path: Path) -> None:
    hosts = {
        name: ACME | settings | {"site_tier": "node", "site_roles": {"node": roles}}
        for name, (settings, roles, _) in CASES.items()
    }
    done = play(tmp_path, [{"hosts": "all", "tasks": [LOOK]}], {"all": {"children": {"node": {"hosts": hosts}}}})
    for name, (_, _, refused) in CASES.items():
        (failed,) = re.findall(rf"^{name} .* failed=(\d)", done.stdout, re.MULTILINE)
        assert (failed == "1") is refused, done.stdout
    assert "set firewall_http to true. Nothing was changed." in said(done)
