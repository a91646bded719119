"""Files of the host: who may change code, configuration and state; what runs with another's rights."""

from typing import Any

import pytest
from tests.host import whole
from tests.host.runner import Host

_OTHERS_WRITE, _GROUP_WRITE, _SET_ID = 0o002, 0o020, 0o6000


def test_nothing_but_the_distributions_own_runs_with_anothers_rights(host: Host, expected: dict[str, Any]):
    found = {item.path for item in host.walk("/", bits=_SET_ID, kinds="-")}
    assert found <= set(expected["set_id_files"])


@pytest.mark.parametrize("top", ["/opt/guardian", "/etc/guardian", "/etc/systemd/system", "/usr/local"])
def test_code_and_configuration_are_changed_by_root_alone(host: Host, top: str):
    entries = host.walk(top)
    assert entries or top != "/opt/guardian"
    assert [item for item in entries if item.owner != "root"] == []
    loose = [item for item in entries if item.kind != "l" and item.mode & (_OTHERS_WRITE | _GROUP_WRITE)]
    # Debian leaves /usr/local to group staff.
    assert [item for item in loose if item.group != "staff" or top != "/usr/local"] == []


def test_configuration_is_read_by_those_it_is_for(host: Host, tier: str, expected: dict[str, Any]):
    for path, (owner, group, mode) in expected["files"].items():
        found = host.describe(path.replace("TIER", tier))[0]
        assert found is not None, path
        assert (found.owner, found.group, f"{found.mode:04o}") == (owner, group, mode), path
    for camera in host.walk("/etc/guardian/cameras") if host.describe("/etc/guardian/cameras")[0] else []:
        assert (camera.owner, camera.group, camera.mode) == ("root", "guardian-camera", 0o640), camera


def test_secrets_are_roots_and_encrypted(host: Host, expected: dict[str, Any]):
    entries = host.walk("/etc/credstore.encrypted")
    assert [item for item in entries if item.kind != "-" or item.owner != "root" or item.mode != 0o600] == []
    assert whole.secrets(host) == expected["secrets"]
    # What systemd-creds wrote is base64 without line that begins a key.
    for item in entries:
        assert "PRIVATE KEY" not in (host.read(item.path) or "")
    assert host.walk("/etc/guardian/seed") == [] if host.describe("/etc/guardian/seed")[0] else True


def test_state_is_written_by_its_own_daemon_alone(host: Host, expected: dict[str, Any]):
    top = host.describe("/var/lib/guardian")[0]
    assert top is not None
    assert (top.owner, top.group, top.mode) == ("root", "guardian", 0o751)
    assert whole.state(host) == expected["state"]
    for item in host.walk("/var/lib/guardian", same_device=False):
        own = expected["state"][item.path.split("/")[4]]
        # A certificate is put beside its key's by root, who writes the store.
        assert item.owner in (own, "root"), item
        assert item.kind == "l" or not item.mode & (_OTHERS_WRITE | _GROUP_WRITE), item


def test_no_private_key_lies_in_the_clear_where_secrets_are_encrypted(host: Host):
    keys = [item for item in host.walk("/var/lib/guardian/identity") if item.path.endswith(".key")]
    assert keys == []
