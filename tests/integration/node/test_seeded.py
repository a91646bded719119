"""`guardian-enroll` as its unit runs it: a seed as a credential, keys to the handover, a dead token to an end."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from cryptography import x509
from tests.integration.node.browser import until
from tests.integration.node.kit import Node, open_node

from guardian.common.clock import now
from guardian.common.handover import offer
from guardian.common.handover.take import take
from guardian.edge import identity


class Host:
    """An edge's folders as its units make them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        offer.folder_of(self.state, "enroll").mkdir(parents=True)
        (folder / "given").mkdir()
        (folder / "store").mkdir()
        self.config = folder / "edge.yaml"
        self.config.write_text(json.dumps({"state_dir": str(self.state), "run_dir": str(folder / "run")}))

    def seed(self, token: str, **more: object) -> None:
        content = {"version": 1, "token": token, "name": "Attic", **more}
        (self.folder / "given" / "seed").write_text(json.dumps(content))
        (self.folder / "store" / "guardian.seed").write_bytes(b"encrypted")

    async def enrol(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from guardian.edge.enroll.main import main; main()",
            "--config",
            str(self.config),
            env={**os.environ, "CREDENTIALS_DIRECTORY": str(self.folder / "given")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    def taken(self) -> set[str]:
        found = take(self.state, "enroll", os.getuid(), self.folder / "store")
        return set() if found is None else {*found.secrets, *found.removals}


@pytest.fixture
def host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("SYSTEMD_CREDENTIAL_SECRET", str(folder / "machine.secret"))
    (folder / "host").mkdir()
    return Host(folder / "host")


async def test_a_seed_becomes_an_identity_its_keys_go_to_root_and_it_goes_itself(node: Node, host: Host):
    host.seed(await node.token("Attic"))
    process = await host.enrol()
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    who = identity.load_file(host.state)
    assert who.name == "Attic"
    # No key lies where the public parts do.
    folder = host.state / "identity"
    assert not [path.name for path in folder.iterdir() if path.suffix == ".key"]
    assert host.taken() == {"sign.key", "receive.key", "tls.key", "seed"}
    assert not (host.folder / "store" / "guardian.seed").exists()
    assert x509.load_pem_x509_certificate((folder / "tls.pem").read_bytes()).not_valid_after_utc > now()


async def test_the_household_that_a_seed_names_is_kept_with_the_identity(node: Node, host: Host):
    host.seed(await node.token("Attic"), version=2, fingerprint="ab" * 32)
    await (await host.enrol()).communicate()
    assert identity.load_file(host.state).fingerprint == "ab" * 32
    host.taken()
    # A newer seed that names none is believed as seeds without one are.
    host.seed(await node.token("Attic"))
    await (await host.enrol()).communicate()
    assert identity.load_file(host.state).fingerprint == ""


async def test_a_dead_token_is_an_end_for_good_and_takes_its_seed_along(node: Node, host: Host):
    token = await node.token("Attic")
    host.seed(token)
    await (await host.enrol()).communicate()
    host.taken()
    first = identity.load_file(host.state)
    host.seed(token)
    process = await host.enrol()
    said = (await process.communicate())[0].decode()
    # What the unit is not started again after.
    assert process.returncode == 78, said
    assert "This token was used already; each works once." in said
    assert host.taken() == {"seed"}
    # The identity that was there is still there: a token that is not taken costs nothing.
    assert identity.load_file(host.state) == first


async def test_one_that_died_before_its_keys_were_whole_finishes_instead_of_asking_twice(node: Node, host: Host):
    host.seed(await node.token("Attic"))
    await (await host.enrol()).communicate()
    # As if it had ended one write earlier: all is there but the word that it is.
    (offer.folder_of(host.state, "enroll") / "ready").unlink()
    assert host.taken() == set()
    process = await host.enrol()
    await process.communicate()
    assert process.returncode == 0
    assert host.taken() == {"sign.key", "receive.key", "tls.key", "seed"}


async def test_while_the_node_is_away_it_is_tried_again(folder: Path, host: Host):
    node = await open_node(folder / "node")
    token, port = await node.token("Attic"), node.gateway.enrol_address
    await node.close()
    host.seed(token)
    process = await host.enrol()
    await until((host.folder / "run" / "enroll" / "health.sock").exists)
    settings = node.settings.model_copy(
        update={"gateway": node.settings.gateway.model_copy(update={"enrol_listen": port})}
    )
    from guardian.node.gateway.main import start

    gateway = await start(settings, node.who)
    try:
        await asyncio.wait_for(process.communicate(), 60)
        assert identity.load_file(host.state).name == "Attic"
    finally:
        await gateway.stop()
