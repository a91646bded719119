"""What listens, by whose hand, and what the firewall lets in."""

import json
import re
from typing import Any

import pytest
from tests.host.runner import Host


@pytest.fixture(scope="session")
def listening(host: Host) -> dict[str, str]:
    """`tcp 10.86.0.1:7443` and the unit whose process holds it; the kernel's own are `kernel`."""
    lines = host.run("ss", "-Hlntup").lines
    pids = sorted({pid for line in lines for pid in re.findall(r"pid=(\d+)", line)})
    groups = {pid: (host.read(f"/proc/{pid}/cgroup") or "").strip() for pid in pids}
    found = {}
    for line in lines:
        protocol, _, _, _, address = line.split()[:5]
        holder = re.search(r"pid=(\d+)", line)
        unit = re.findall(r"/([^/]+\.(?:service|scope))", groups[holder[1]])[-1:] if holder else []
        found[f"{protocol} {address}"] = unit[0] if unit else "kernel"
    return found


def test_exactly_what_should_listen_does(listening: dict[str, str], expected: dict[str, Any]):
    ours = {key: unit for key, unit in listening.items() if key.split()[1] not in expected["may_listen"]}
    assert ours == expected["listens"]


def test_what_comes_in_is_dropped_unless_a_rule_lets_it_in(host: Host):
    chains = [
        item["chain"]
        for item in json.loads(host.run("nft", "-j", "list", "ruleset").out)["nftables"]
        if "chain" in item
    ]
    policies = {
        chain["hook"]: chain["policy"] for chain in chains if chain.get("table") == "guardian" and "hook" in chain
    }
    assert policies["input"] == "drop"
    assert policies["forward"] == "drop"


def test_the_firewall_comes_back_after_a_restart(host: Host):
    assert host.try_run("systemctl", "is-enabled", "nftables").out.strip() == "enabled"
    assert host.try_run("nft", "-c", "-f", "/etc/nftables.conf").status == 0


def test_the_kernel_is_set_as_it_should_be(host: Host, expected: dict[str, Any]):
    names = sorted(expected["sysctl"])
    results = host.run_all(*(["sysctl", "-n", name] for name in names))
    found = {name: result.out.strip() for name, result in zip(names, results, strict=True) if result.status == 0}
    # A container has not all of the kernel's settings; what it has is as it should be.
    assert found
    assert found == {name: str(expected["sysctl"][name]) for name in found}


def test_ssh_lets_in_keys_only(host: Host, expected: dict[str, Any]):
    """Where there is a server at all."""
    answer = host.try_run("sshd", "-T")
    settings = dict(line.split(" ", 1) for line in answer.lines if " " in line)
    assert answer.status != 0 or {key: settings.get(key) for key in expected["sshd"]} == expected["sshd"]
