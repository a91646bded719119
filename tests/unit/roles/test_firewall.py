"""The rules that an image has beside a host's: sshd's port, once something puts it into its set."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.unit.roles.rendering import render

CASES: dict[str, dict[str, object]] = {
    "image": {
        "firewall_tiers": ["edge"],
        "firewall_ssh_from": [],
        "firewall_ssh_later_from": ["10.0.0.0/8", "fe80::/10"],
    },
    "host": {"firewall_tiers": ["edge"], "firewall_ssh_from": ["10.0.0.0/8"]},
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    first: dict[str, object] = {"ansible.builtin.getent": {"database": "passwd"}}
    made = render(tmp_path_factory.mktemp("firewall"), "firewall", ["nftables.conf"], CASES, (first,))
    return {case: (folder / "nftables.conf").read_text() for case, folder in made.items()}


def test_sshd_of_an_image_waits_behind_a_set_that_is_empty(rules: dict[str, str]) -> None:
    image = rules["image"]
    assert "set ssh_open {\n    type inet_service\n  }" in image
    assert "ip saddr { 10.0.0.0/8 } tcp dport @ssh_open accept" in image
    assert "ip6 saddr { fe80::/10 } tcp dport @ssh_open accept" in image
    assert "dport 22" not in image
    # Behind the tunnel's own rules: the node does not come in this way.
    assert image.index("goto from_tunnel") < image.index("@ssh_open")


def test_a_host_has_no_such_set(rules: dict[str, str]) -> None:
    assert "ssh_open" not in rules["host"]
    assert "ip saddr { 10.0.0.0/8 } tcp dport 22 accept" in rules["host"]


def test_nft_takes_them_and_the_port_into_the_set(rules: dict[str, str], tmp_path: Path) -> None:
    """As the drop-in of ssh.service puts it there."""
    assert shutil.which("nft"), "nft is missing: install Debian's nftables (tools/packages.txt)."
    drop_in = (Path(__file__).resolve().parents[3] / "units/optional/ssh.service.d/60-image.conf").read_text("utf-8")
    [opened] = [line.partition("=/usr/sbin/nft ")[2] for line in drop_in.splitlines() if "ExecStartPost=" in line]
    file = tmp_path / "rules.nft"
    file.write_text(rules["image"] + f"{opened}\n")
    done = subprocess.run(
        ["unshare", "--net", "nft", "--check", "--file", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
