"""`guardian-node-enroll`: spends the seed's token; tries again while the control plane is away."""

from guardian.common import seed
from guardian.common.enrolling import spend
from guardian.common.lifecycle import Service, daemon
from guardian.node.config import DEFAULT_CONFIG, NodeConfig
from guardian.node.enroll.enrol import enrol_async


async def run(service: Service[NodeConfig]) -> None:
    """The daemon; returns when the node is enrolled."""
    state = service.settings.state_dir

    async def once(found: seed.Seed) -> str:
        who = await enrol_async(state, found.token, again=True)
        return f"enrolled with {who.agents}"

    await spend(service, state, once)


def main() -> None:
    """Console script."""
    daemon("enroll", NodeConfig, run, description="Enrol this node with its seed.", default_config=DEFAULT_CONFIG)
