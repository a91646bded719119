"""What listens, by whose hand, and what the firewall lets in."""

import json
from typing import Any

from tests.host import whole
from tests.host.runner import Host


def test_exactly_what_should_listen_does(host: Host, expected: dict[str, Any]):
    assert whole.listens(host, expected["may_listen"]) == expected["listens"]


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
    wanted = {name: str(value) for name, value in expected["sysctl"].items()}
    told = host.run("systemd-analyze", "cat-config", "sysctl.d").lines
    lines = [line.lstrip("-").partition("=") for line in told if "=" in line and line[0] not in "#;"]
    configured = {name.strip().replace("/", "."): value.strip() for name, _, value in lines}
    assert {name: configured.get(name) for name in wanted} == wanted
    # A container is told by its machine; the machine itself has to have taken it up.
    if host.try_run("systemd-detect-virt", "--container", "--quiet").status != 0:
        results = host.run_all(*(["sysctl", "-n", name] for name in wanted))
        assert {name: result.out.strip() for name, result in zip(wanted, results, strict=True)} == wanted


def test_ssh_lets_in_keys_only(host: Host, expected: dict[str, Any]):
    """Where there is a server at all."""
    if host.describe("/usr/sbin/sshd")[0] is None:
        assert host.try_run("systemctl", "cat", "ssh.service").status != 0
        return
    # Where it is not started yet since the boot, it does not answer without this.
    host.run("install", "-d", "-m", "0755", "/run/sshd")
    settings = dict(line.split(" ", 1) for line in host.run("sshd", "-T").lines if " " in line)
    assert {key: settings.get(key) for key in expected["sshd"]} == expected["sshd"]
