"""The playbooks' own rules: the preflight asks each role that a tier's play runs; an inventory has the last word."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.roles.playing import ROOT, play, said
from tools.roles import load

from guardian.appliance.releases import UNITS

TIERS = ROOT / "playbooks" / "tiers"
# Another value than any that is derived, for each variable of a role that a play loads from a file.
SAID: dict[str, Any] = {
    "python_release_tiers": ["node"],
    "firewall_agents_port": 9443,
    "firewall_agents_enrol_port": 9444,
    "firewall_tunnel_network": "10.99.0.0/16",
    "firewall_hub_address": "10.99.0.9",
    "firewall_wireguard_port": 51999,
    "systemd_units_tunnel_network": "10.98.0.0/16",
    "edge_tunnel_network": "10.97.0.0/16",
    "systemd_units_camera_networks": ["10.98.0.0/24"],
    "edge_camera_networks": ["10.99.0.0/24"],
}
# As roles/firewall has it.
PRIVATE = load(ROOT / "roles/firewall/defaults/main.yml")["firewall_camera_networks"]
# The play's business, whatever an inventory says: what runs is restarted in its order.
FORCED = {"systemd_units_restart"}


def test_an_update_restarts_what_an_upgrade_restarts_in_the_same_order() -> None:
    said = load(ROOT / "playbooks/release/vars.yml")["release_units"]
    assert {tier: [f"guardian-{unit}" for unit in units] for tier, units in UNITS.items()} == {
        tier: said[tier] for tier in UNITS
    }


@pytest.mark.parametrize("tier", ["control", "node", "edge"])
def test_the_preflight_asks_each_role_that_the_play_runs(tier: str) -> None:
    (play,) = load(TIERS / f"{tier}.yml")
    assert load(TIERS / "vars.yml")["site_roles"][tier] == play["roles"]


@pytest.mark.parametrize("name", ["site", "control", "node", "edge"])
def test_nothing_is_changed_before_the_preflight(name: str) -> None:
    plays = load(ROOT / "playbooks" / f"{name}.yml")
    assert plays[0]["ansible.builtin.import_playbook"] == "tiers/preflight.yml"
    (preflight,) = load(TIERS / "preflight.yml")
    assert preflight["any_errors_fatal"] is True


def of_roles(file: Path) -> set[str]:
    """A file's variables that a role documents."""
    specs = [load(path)["argument_specs"]["main"].get("options") or {} for path in ROOT.glob("roles/*/meta/arg*.yml")]
    return set(load(file)) & {name for options in specs for name in options}


def test_an_inventory_has_the_last_word_on_what_a_role_documents(tmp_path: Path) -> None:
    """Of a group or a host; without a word from it, the site's own value holds, not the role's default."""
    files = [TIERS / "vars.yml", ROOT / "playbooks" / "release" / "vars.yml"]
    asked = sorted(set.union(*map(of_roles, files)) - FORCED)
    assert asked == sorted(SAID)
    write = {"content": "{{ told | to_json }}", "dest": f"{tmp_path}/{{{{ file }}}}-{{{{ inventory_hostname }}}}.json"}
    plays = [
        {
            "hosts": "edge",
            "gather_facts": False,
            "vars_files": [str(file)],
            "vars": {"file": str(number), "told": {name: f"{{{{ {name} }}}}" for name in sorted(of_roles(file))}},
            # Never run: their defaults are in force.
            "roles": [
                {"role": name, "tags": ["never"]} for name in ("firewall", "systemd_units", "python_release", "edge")
            ],
            "tasks": [{"ansible.builtin.copy": write | {"mode": "0600"}}],
        }
        for number, file in enumerate(files)
    ]
    groups = {
        "node": {"hosts": {"n": {"node_tunnel_network": "10.90.0.0/16", "node_tunnel_port": 51900}}},
        "edge": {"hosts": {"none": {}, "host": SAID}, "children": {"group": {"hosts": {"grouped": {}}, "vars": SAID}}},
    }
    done = play(tmp_path, plays, {"all": {"children": groups, "vars": {"firewall_ssh_from": []}}})
    assert done.returncode == 0, done.stdout + done.stderr
    for number, file in enumerate(files):
        own = {name: SAID[name] for name in of_roles(file) - FORCED}
        for host in ("host", "grouped"):
            told = json.loads((tmp_path / f"{number}-{host}.json").read_text())
            assert {name: told[name] for name in own} == own
    assert json.loads((tmp_path / "0-none.json").read_text()) == {
        "python_release_tiers": ["edge"],
        "firewall_agents_port": 8443,
        "firewall_agents_enrol_port": 8444,
        "firewall_tunnel_network": "10.90.0.0/16",
        "firewall_hub_address": "10.90.0.1",
        "firewall_wireguard_port": 51900,
        "systemd_units_tunnel_network": "10.90.0.0/16",
        "edge_tunnel_network": "10.90.0.0/16",
        "systemd_units_camera_networks": PRIVATE,
        "edge_camera_networks": PRIVATE,
    }


SITE = """
all:
  children:
    control: {hosts: {c1: }}
    node: {hosts: {n1: , n2: }}
    edge: {hosts: {e1: , e2: , e3: }}
"""


def hosts_of(playbook: str, folder: Path, *words: str) -> list[set[str]]:
    """Which hosts each play is for."""
    inventory = folder / "hosts.yml"
    inventory.write_text(SITE, encoding="utf-8")
    command = [sys.executable, "-m", "ansible.cli.playbook", "--list-hosts", "-i", str(inventory), *words]
    settings = os.environ | {"ANSIBLE_LOCAL_TEMP": str(folder), "ANSIBLE_HOME": str(folder), "LC_ALL": "C.UTF-8"}
    said = subprocess.run(
        [*command, str(ROOT / "playbooks" / f"{playbook}.yml")],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    # A play begins with a line that names it; each host has a line of its own.
    return [set(re.findall(r"^ {6}(\w+)$", part, re.MULTILINE)) for part in said.split("\n  play #")[1:]]


EDGES, NODES, CONTROL = {"e1", "e2", "e3"}, {"n1", "n2"}, {"c1"}


@pytest.mark.parametrize(
    ("pattern", "edges", "nodes", "control"),
    [
        ("", EDGES, NODES, CONTROL),
        ("e1:e2", {"e1", "e2"}, set(), set()),
        ("e1,e2", {"e1", "e2"}, set(), set()),
        ("node:edge", EDGES, NODES, set()),
        ("edge:!e2", {"e1", "e3"}, set(), set()),
        ("edge[0:1]", {"e1", "e2"}, set(), set()),
        ("n2,e*,&edge", EDGES, set(), set()),
    ],
)
def test_a_part_of_the_site_is_those_hosts_and_no_others(
    tmp_path: Path, pattern: str, edges: set[str], nodes: set[str], control: set[str]
) -> None:
    every = edges | nodes | control
    given = ["-e", json.dumps({"upgrade_hosts": pattern, "rollback_hosts": pattern})] if pattern else []
    # Look, stage, then control plane, nodes and edges; at last old releases are taken away.
    assert hosts_of("upgrade", tmp_path, *given) == [every, every, control, nodes, edges, every]
    assert hosts_of("rollback", tmp_path, *given) == [every, edges, nodes, control]


@pytest.mark.parametrize("tier", ["control", "node", "edge"])
def test_an_upgrade_restarts_every_daemon_whose_release_it_judges(tier: str) -> None:
    """`guardian settle` asks for the new release of whatever has a health socket."""
    found = [path for folder in ("common", tier) for path in (ROOT / "units" / folder).glob("*.service")]
    # Enrolment ends by itself once it is done.
    lasting = {path.name for path in found if "\nType=notify" in path.read_text("utf-8")} - {"guardian-enroll.service"}
    wanted = {name.replace("@*.", "@.") for name in load(ROOT / "playbooks/release/vars.yml")["release_units"][tier]}
    assert wanted == lasting


@pytest.mark.parametrize(("edge", "refused"), [("Home", True), ("home", False)])
def test_nothing_is_revoked_where_there_is_no_host_to_wipe(tmp_path: Path, edge: str, refused: bool) -> None:
    """Otherwise the node is asked next: here it has no release, and the play ends there."""
    groups = {"node": {"hosts": {"n": {"ansible_become": False}}}, "edge": {"hosts": {"home": {"edge_name": "Home"}}}}
    file = ROOT / "playbooks" / "revoke_device.yml"
    done = play(tmp_path, file, {"all": {"children": groups}}, revoke_edge=edge, revoke_wipe=True)
    assert ("Home is no host of this inventory" in said(done)) is refused
    assert ("See which edges the node knows" in done.stdout) is not refused
    assert "Revoke it" not in done.stdout
    assert done.returncode != 0
