"""Role node_vm: what it hands to libvirt, judged by libvirt's own schema, and the same safe hardware in each case."""

import base64
import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.roles.rendering import render

from guardian.node.config import NodeConfig

SEED = {"token": "gdn1.abc", "name": "O'Hara & <sons>"}
CONFIG = {
    "hub": {"enabled": True, "endpoint": "n1.example.net:51820"},
    "relay": {"public_url": "https://n1.example.net"},
}
MACHINE: dict[str, Any] = {
    "node_vm_name": "one",
    "node_vm_number": 1,
    "node_vm_image": "/srv/images/node.qcow2",
    "guardian_container": False,
}
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "smbios": {"node_vm_seed": SEED},
    "config": {"node_vm_config": CONFIG},
    "both": {"node_vm_config": CONFIG, "node_vm_seed": SEED},
    "nocloud": {"node_vm_seed": SEED, "node_vm_seed_by": "nocloud"},
    "tpm": {"node_vm_tpm": True},
    "emulated": {"node_vm_emulated": True, "guardian_container": True},
    "last": {"node_vm_number": 16383, "node_vm_publish": [{"protocol": "tcp", "port": 8443, "to": 443}]},
}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    names = ["domain.xml", "network.xml", "elements.nft"]
    cases = {case: {**MACHINE, **given} for case, given in CASES.items()}
    return render(tmp_path_factory.mktemp("machines"), "node_vm", names, cases)


def validate(file: Path, schema: str) -> None:
    program = shutil.which("virt-xml-validate")
    assert program, "virt-xml-validate is missing: apt-get install libvirt-clients libxml2-utils"
    done = subprocess.run([program, str(file), schema], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_libvirt_takes_machine_and_network(machines: dict[str, Path], case: str) -> None:
    validate(machines[case] / "domain.xml", "domain")
    validate(machines[case] / "network.xml", "network")


@pytest.mark.parametrize("case", CASES)
def test_its_hardware_is_what_it_needs_and_nothing_else(machines: dict[str, Path], case: str) -> None:
    devices = ET.parse(machines[case] / "domain.xml").getroot().find("devices")  # noqa: S314
    assert devices is not None
    kinds = {item.tag for item in devices}
    assert kinds == {"disk", "controller", "interface", "serial", "console", "watchdog", "rng", "memballoon"} | (
        {"tpm"} if case == "tpm" else set()
    )
    assert {item.get("model") for item in devices.findall("controller")} == {"none"}
    assert all(target.get("bus") == "virtio" for target in devices.iterfind("disk/target"))
    assert [item.get("model") for item in devices.findall("memballoon")] == ["none"]


def test_on_a_real_host_it_is_confined_and_bounded(machines: dict[str, Path]) -> None:
    root = ET.parse(machines["plain"] / "domain.xml").getroot()  # noqa: S314
    label = root.find("seclabel")
    assert root.get("type") == "kvm"
    assert label is not None
    assert (label.get("model"), label.get("type")) == ("apparmor", "dynamic")
    assert root.findtext("memtune/hard_limit") == str(int(2048 * 1.25) + 512)


def credentials(file: Path) -> dict[str, bytes]:
    """What systemd finds in the machine's SMBIOS table."""
    root = ET.parse(file).getroot()  # noqa: S314
    entries = [(item.text or "").partition("=") for item in root.iterfind("sysinfo/oemStrings/entry")]
    assert (root.find("os/smbios") is not None) == bool(entries)
    prefix = "io.systemd.credential.binary:"
    assert all(name.startswith(prefix) for name, _, _ in entries)
    return {name.removeprefix(prefix): base64.b64decode(value) for name, _, value in entries}


@pytest.mark.parametrize("case", ["smbios", "both"])
def test_the_seed_comes_in_whole_by_smbios(machines: dict[str, Path], case: str) -> None:
    assert json.loads(credentials(machines[case] / "domain.xml")["guardian.seed"]) == SEED


@pytest.mark.parametrize("case", ["config", "both"])
def test_the_configuration_comes_in_whole_by_smbios(machines: dict[str, Path], case: str) -> None:
    found = credentials(machines[case] / "domain.xml")
    assert yaml.safe_load(found["guardian.node"]) == CONFIG
    assert set(found) == {"guardian.node"} | ({"guardian.seed"} if case == "both" else set())
    # What the image's own daemon would say to it.
    NodeConfig.model_validate(yaml.safe_load(found["guardian.node"]))


@pytest.mark.parametrize("case", ["plain", "nocloud"])
def test_a_definition_holds_no_seed_that_it_need_not(machines: dict[str, Path], case: str) -> None:
    text = (machines[case] / "domain.xml").read_text(encoding="utf-8")
    assert "sysinfo" not in text
    assert "gdn1" not in text
    assert base64.b64encode(b"gdn1.abc")[:8].decode() not in text


@pytest.mark.parametrize(
    ("case", "gateway", "address", "mac"),
    [
        ("plain", "10.87.0.5", "10.87.0.6", "52:54:00:67:00:01"),
        ("last", "10.87.255.253", "10.87.255.254", "52:54:00:67:3f:ff"),
    ],
)
def test_addresses_follow_from_the_number(
    machines: dict[str, Path], case: str, gateway: str, address: str, mac: str
) -> None:
    root = ET.parse(machines[case] / "network.xml").getroot()  # noqa: S314
    ip, host, forward = root.find("ip"), root.find("ip/dhcp/host"), root.find("forward")
    assert ip is not None and host is not None and forward is not None
    assert (ip.get("address"), ip.get("prefix")) == (gateway, "30")
    assert (host.get("ip"), host.get("mac")) == (address, mac)
    # Any other mode would have libvirt write rules of its own, which let machines out to each other.
    assert forward.get("mode") == "open"
    assert address in (machines[case] / "elements.nft").read_text(encoding="utf-8")
