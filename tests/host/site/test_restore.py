"""Backups of a site at work: every host loses what it has and gets it back, on the same machine."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from tests.host.runner import Host
from tests.host.site.household import Owner, until
from tests.host.site.together import none_twice, play

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECRETS = "/etc/credstore.encrypted"
BESIDE = "/run/systemd/system/guardian-beside.service"


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder away from the hosts, with a key that opens their backups and one that does not."""
    folder = tmp_path_factory.mktemp("safe")
    for name in ("safe", "other"):
        subprocess.run(["age-keygen", "-o", str(folder / f"{name}.key")], check=True, capture_output=True)
    return folder


async def test_a_site_is_backed_up_while_it_works(safe: Path):
    public = (safe / "safe.key").read_text(encoding="ascii").partition("public key: ")[2].split()[0]
    ended = await asyncio.to_thread(
        play, "playbooks/backup.yml", backup_recipients=[public], backup_into=str(safe / "backups")
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert sorted(path.name.split("-")[0] for path in (safe / "backups").iterdir()) == ["control", "edge", "node"]


async def test_another_key_opens_nothing_and_nothing_is_changed(safe: Path, node: Host):
    ended = await put_back(safe, "node", "other.key")
    assert ended.returncode != 0
    assert "Nothing was changed" in " ".join(ended.stdout.split())
    assert node.run("systemctl", "is-active", "guardian-gateway").out.strip() == "active"


@pytest.mark.parametrize("name", ["node", "edge"])
async def test_a_host_that_lost_its_state_and_secrets_is_who_it_was(
    owner: Owner, safe: Path, name: str, node: Host, edge: Host
):
    host = {"node": node, "edge": edge}[name]
    identity = host.run("sha256sum", "/var/lib/guardian/identity/tls.pem").out
    before = {item["id"] for item in await owner.events()}
    host.run("systemctl", "stop", f"guardian-{name}.target", "guardian-*.service", "guardian-*.socket")
    lost = ["/var/lib/guardian/identity", "/var/lib/guardian/uplink", "/var/lib/guardian/gateway"]
    host.run("sh", "-c", f"rm -rf {SECRETS}/guardian.* {' '.join(f'{folder}/*' for folder in lost)}")
    ended = await put_back(safe, name, "safe.key")
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert host.run("sha256sum", "/var/lib/guardian/identity/tls.pem").out == identity
    await something_new(owner, before)


async def test_a_control_plane_that_lost_events_has_them_again(owner: Owner, safe: Path, control: Host):
    before = {item["id"] for item in await owner.events()}
    # Wanted by no tier's target, as an exporter is.
    control.run("sh", "-c", f"printf '[Service]\\nExecStart=sleep infinity\\n' > {BESIDE}")
    control.run("systemctl", "start", "guardian-beside")
    ran = running(control)
    assert {"guardian-beside.service", "guardian-database-backup.timer", "guardian-certificate.path"} <= ran
    control.run("runuser", "-u", "postgres", "--", "psql", "-q", "guardian", "-c", "DELETE FROM events")
    assert not before <= {item["id"] for item in await owner.events()}
    ended = await put_back(safe, "control", "safe.key")
    assert ended.returncode == 0, ended.stdout[-4000:]
    # Logins since the backup are gone with it.
    await owner.settle()
    await something_new(owner, before)
    assert before <= {item["id"] for item in await owner.events()}
    assert running(control) == ran


def running(host: Host) -> set[str]:
    """What of ours is active."""
    kinds = [f"guardian-*.{kind}" for kind in ("service", "socket", "path", "timer", "target")]
    listed = host.run("systemctl", "list-units", "--plain", "--no-legend", "--full", "--state=active", *kinds).out
    return {line.split()[0] for line in listed.splitlines()}


async def something_new(owner: Owner, before: set[str]) -> None:
    """Wait for an event made since; all is there, once."""

    async def more() -> bool:
        return bool({item["id"] for item in await owner.events()} - before)

    assert await until("an event made since", more, 120)
    assert await none_twice(owner)


async def put_back(safe: Path, host: str, key: str) -> "subprocess.CompletedProcess[str]":
    """The host's backup, by the playbook."""
    (file,) = (safe / "backups").glob(f"{host}-*.age")
    return await asyncio.to_thread(
        play, "playbooks/restore.yml", restore_host=host, restore_from=str(file), restore_key=str(safe / key)
    )
