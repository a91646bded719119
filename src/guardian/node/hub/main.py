"""`guardian-hub`: keeps the node's end of all tunnels up."""

from guardian.common.lifecycle import Service, daemon
from guardian.common.wireguard.probe import answer_if_asked
from guardian.node.config import DEFAULT_CONFIG, NodeConfig


async def run(service: Service[NodeConfig]) -> None:
    """The daemon."""
    service.ready()
    await service.stopping.wait()


def main() -> None:
    """Console script."""
    answer_if_asked()
    daemon("hub", NodeConfig, run, description="The node's end of the tunnels.", default_config=DEFAULT_CONFIG)
