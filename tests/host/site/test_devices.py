"""What an operator types on the control plane about a tenant's edges; its node does it."""

import json

import pytest
from tests.host.runner import Host
from tests.host.site.household import Owner, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
# As the API's user: PostgreSQL knows it by its name, and root has no role there.
GUARDIAN = ("runuser", "-u", "guardian-api", "--", "/opt/guardian/current/bin/guardian")


async def test_the_control_plane_lists_a_tenants_edges_and_asks_its_node_for_a_token(
    owner: Owner, control: Host, node: Host
):
    tenant = tenant_of(control)

    async def online() -> bool:
        listed = json.loads(control.run(*GUARDIAN, "edge", "list", "--tenant", tenant, "--json").out)["edges"]
        return [(item["name"], item["online"]) for item in listed] == [("Home", True)]

    assert await until("the edge is online", online, 90)
    said = json.loads(
        control.run(*GUARDIAN, "edge", "token", "--tenant", tenant, "--name", "Shed", "--valid", "5m", "--json").out
    )
    assert said["token"].startswith("gdn1.")
    # Its hash is kept, and nothing else.
    assert node.try_run("grep", "-rla", "--", said["token"], "/var/lib/guardian").out == ""
    refused = control.try_run(*GUARDIAN, "edge", "revoke", "Nobody", "--tenant", tenant)
    assert refused.status != 0
    assert "no such edge" in refused.err


def tenant_of(control: Host) -> str:
    """The lab's only one."""
    (tenant,) = json.loads(
        control.run("runuser", "-u", "guardian-migrate", "--", *GUARDIAN[4:], "tenant", "list", "--json").out
    )
    return str(tenant["id"])
