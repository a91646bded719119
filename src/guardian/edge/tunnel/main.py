"""`guardian-tunnel`: keeps the edge's end of the tunnel up."""

from guardian.common.lifecycle import Service, daemon
from guardian.common.wireguard.probe import answer_if_asked
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig


async def run(service: Service[EdgeConfig]) -> None:
    """The daemon."""
    service.ready()
    await service.stopping.wait()


def main() -> None:
    """Console script."""
    answer_if_asked()
    daemon("tunnel", EdgeConfig, run, description="The edge's end of the tunnel.", default_config=DEFAULT_CONFIG)
