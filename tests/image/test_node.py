"""A tenant's node from its image, as role `node_vm` starts it: enrolled by what the hypervisor hands over, and well."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml
from tests.image import ssh
from tests.image.conftest import TRIED, lies_on
from tests.integration.tenancy.resident import Resident
from tests.integration.tenancy.street import Street, free_ports, opened, until
from tools.image.qemu import Drive, Machine

from guardian.cli import control, tenant

pytestmark = pytest.mark.timeout(3600)
# A node's walls let it speak to a control plane's own ports and to no others (roles/firewall).
PORTS = {"agents": 8443, "enrol": 8444}
CONFIG = {
    "hub": {"enabled": True, "endpoint": "node.invalid:51820"},
    "relay": {"public_url": "https://node.invalid", "ui_origin": "https://guardian.invalid"},
}


@pytest_asyncio.fixture
async def street() -> AsyncIterator[Street]:
    """A control plane on this machine's loopback, that a machine in QEMU sees under another address."""
    async with opened(seen_as=ssh.HERE, ports={"ui": free_ports(1)[0], **PORTS}) as made:
        yield made


@pytest.fixture
def disk(tmp_path: Path) -> Drive:
    """As the role makes it: a layer over the image."""
    image = TRIED / "node" / "guardian-node.qcow2"
    assert image.exists(), "There is no image of a node: run `make image-test-full`."
    path = tmp_path / "node.qcow2"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(image), str(path), "32G"], check=True
    )
    return Drive(path, format="qcow2")


async def test_it_enrols_by_itself_and_is_well(street: Street, disk: Drive, tmp_path: Path) -> None:
    email, password = "owner@example.org", "a password of ample length"
    asked = ["create", "--name", "Home", "--email", email, "--password-stdin"]
    household = (await street.verb(tenant.app, *asked, stdin=password))["tenant"]
    token = (await street.verb(control.app, "node-token", "--tenant", household, "--name", "Node"))["token"]
    owner = Resident(street.url)
    await owner.log_in(email, password)
    line, key = ssh.Line.free(), ssh.key(tmp_path / "key")
    seed = json.dumps({"version": 2, "token": token, "name": "Node", "ssh_key": key}).encode()
    config = {"guardian.node": yaml.safe_dump(CONFIG).encode()}
    machine = tmp_path / "machine"

    async def online() -> bool:
        return any(node["online"] for node in await owner.get("/nodes"))

    async def looks_well() -> None:
        with street.explained():
            await until(online, 900)
        said = await asyncio.to_thread(line.run, tmp_path / "key", LOOK, 600)
        print(said.stdout, said.stderr)
        assert said.returncode == 0, said
        assert "failed units: 0" in said.stdout
        assert "guardian-hub.service active" in said.stdout
        # The kernel's own.
        assert "wireguard" in said.stdout

    with Machine(machine, [disk], "bios", network=line.network, credentials=config | {"guardian.seed": seed}) as run:
        await looks_well()
        assert "[FAILED]" not in run.said()
    # What the hypervisor hands over can be read there by everybody who is root; what lies on the disk, by who has it.
    assert not await asyncio.to_thread(lies_within, disk.path, token)

    async def offline() -> bool:
        return not await online()

    await until(offline, 900)
    # As the role defines it once it is enrolled: without the seed.
    with Machine(machine, [disk], "bios", network=line.network, credentials=config):
        await looks_well()
    await owner.http.aclose()


def lies_within(disk: Path, token: str) -> bool:
    """Whether it can be found anywhere on a disk in qcow2."""
    raw = disk.with_suffix(".raw")
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(disk), str(raw)], check=True)
    try:
        return lies_on(raw, token)
    finally:
        raw.unlink()


LOOK = """
for _ in $(seq 60); do
  systemctl is-system-running --quiet && break
  sleep 5
done
echo "failed units: $(systemctl --failed --no-legend --plain | tee /dev/stderr | wc -l)"
for name in hub gateway relay agent; do
  echo "guardian-$name.service $(systemctl is-active guardian-$name.service)"
done
ip -details link show type wireguard
guardian status || true
"""
