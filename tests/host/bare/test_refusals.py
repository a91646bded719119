"""Bad input on bare hosts: the play stops before it changes anything, and says what to do."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.host.bare.conftest import Refusal
from tests.host.runner import Host
from tools.lab.supply import RELEASES

Play = Callable[..., Refusal]


def refused(refusal: Refusal, *words: str) -> None:
    """It failed, named the fault, promised that nothing was changed, and kept the promise."""
    assert refusal.status != 0
    for word in (*words, "Nothing was changed"):
        assert word in refusal.said, refusal.said[-3000:]
    assert refusal.changed == []


@pytest.mark.parametrize(
    ("host", "variables", "words"),
    [
        ("control", {"control_public_url": "http://control.guardian.test/ui"}, ("control_public_url", "https://")),
        ("edge", {"edge_cameras": [{"id": "Front Door", "path": "rtsp://camera/front"}]}, ("edge_cameras", "a-z")),
        (
            "edge",
            {"edge_cameras": [{"id": "front", "name": "Front", "path": "rtsp://203.0.113.9/front"}]},
            ("front", "firewall_camera_networks"),
        ),
        ("all", {"node_tenant": "Nobody's"}, ("node_tenant is Nobody's", "control_tenants")),
        ("node", {"base_operators": ["nobody-yet"]}, ("nobody-yet", "adduser")),
        ("control", {"control_public_url": None}, ("control_public_url",)),
        ("node", {"python_release_wheelhouse": ""}, ("python_release_wheelhouse", "make release")),
        ("all", {"node_public_url": "https://nowhere.guardian.test"}, ("nowhere.guardian.test", "DNS")),
    ],
    ids=[
        "wrong_variable",
        "wrong_camera",
        "camera_elsewhere",
        "nobodys_tenant",
        "no_operator",
        "no_variable",
        "missing_wheelhouse",
        "unknown_name",
    ],
)
def test_a_variable_that_cannot_be(play: Play, host: str, variables: dict[str, object], words: tuple[str, ...]):
    refused(play("site.yml", f"--limit={host}", **variables), *words)


def test_a_host_that_is_not_supported(play: Play, bare: dict[str, Host]):
    with text(bare["edge"], "/etc/os-release", "VERSION_ID=", 'VERSION_ID="11"'), version(bare["edge"], "11.9\n"):
        refused(play("site.yml", "--limit=edge"), "edge runs Debian 11", "Debian 12 or 13")


def test_a_host_without_room(play: Play, bare: dict[str, Host]):
    bare["node"].run("mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", "/opt")
    try:
        refused(play("site.yml", "--limit=node"), "node", "60 MB free", "Make room")
    finally:
        bare["node"].run("umount", "/opt")


def test_a_peer_that_does_not_answer(play: Play):
    # 192.0.2.250: nobody in the lab.
    token = "gdn1.eyJhIjoiMTkyLjAuMi4yNTA6NzQ0NCIsInAiOiIiLCJzIjoiIn0"
    refused(play("playbooks/edge.yml", edge_token=token), "192.0.2.250", "7444")


def test_a_look_alone_changes_nothing_and_tells_what_would_be_done(play: Play):
    looked = play("site.yml", "--check")
    assert (looked.status, looked.changed) == (0, []), looked.said[-3000:]
    assert "changed=0 " not in looked.said


def test_a_wheelhouse_with_a_wrong_hash(play: Play):
    with damaged() as (name, wheel):
        refused(play(python_release_wheelhouse=f"/srv/guardian/releases/{name}"), wheel)


@contextmanager
def damaged() -> Iterator[tuple[str, str]]:
    """A copy of the release of which one wheel has one other byte; its name and the wheel's."""
    folder = RELEASES / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree((RELEASES / "this").resolve(), folder, copy_function=lambda a, b: Path(b).hardlink_to(a))
    # One that every tier takes.
    (wheel,) = (folder / "wheels").glob("pip-*")
    data = bytearray(wheel.read_bytes())
    data[len(data) // 2] ^= 1
    wheel.unlink()
    wheel.write_bytes(data)
    yield folder.name, wheel.name
    shutil.rmtree(folder)


@contextmanager
def text(host: Host, path: str, begins: str, line: str) -> Iterator[None]:
    """A file of the host with another line in it."""
    before = host.read(path)
    assert before is not None
    lines = [line if item.startswith(begins) else item for item in before.splitlines()]
    host.write(path, "\n".join(lines) + "\n")
    yield
    host.write(path, before)


@contextmanager
def version(host: Host, said: str) -> Iterator[None]:
    """Another /etc/debian_version."""
    before = host.read("/etc/debian_version")
    assert before is not None
    host.write("/etc/debian_version", said)
    yield
    host.write("/etc/debian_version", before)
