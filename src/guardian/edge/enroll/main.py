"""`guardian-enroll`: spends the seed's token; tries again while the node is away, ends for good on a dead token."""

import socket

from guardian.common import seed
from guardian.common.enrolling import spend
from guardian.common.lifecycle import Service, daemon
from guardian.edge.config import DEFAULT_CONFIG, EdgeConfig
from guardian.edge.enroll.enrol import enrol_async


async def run(service: Service[EdgeConfig]) -> None:
    """The daemon; returns when the edge is enrolled."""
    state, tunnel = service.settings.state_dir, service.settings.tunnel

    async def once(found: seed.Seed) -> str:
        name = found.name or socket.gethostname()[:64]
        # A new seed is an order to become a new edge; the identity there is goes only when the token was taken.
        who = await enrol_async(state, found.token, name, again=True, tunnel=tunnel, fingerprint=found.fingerprint)
        return f"enrolled with {who.gateway} as {who.name}"

    await spend(service, state, once)


def main() -> None:
    """Console script."""
    daemon("enroll", EdgeConfig, run, description="Enrol this edge with its seed.", default_config=DEFAULT_CONFIG)
