"""A node's daemons start before it is enrolled: they wait and say so."""

from guardian.common.lifecycle import Service
from guardian.common.retry import Backoff
from guardian.node import identity
from guardian.node.config import NodeConfig


async def wait_for_identity(service: Service[NodeConfig]) -> identity.Identity | None:
    """The node's identity once there is one; None when asked to stop before. IdentityError when it is damaged."""
    backoff = Backoff(initial=0.5, maximum=5.0)
    while True:
        try:
            who = identity.load(service.settings.state_dir)
        except identity.IdentityError as error:
            if error.reason != "not_enrolled":
                raise
            service.health.set("identity", "waiting", str(error), reason=error.reason)
            service.status("waiting to be enrolled")
            service.progressed()
        else:
            service.health.set("identity", "ok", "This node is enrolled.", node=who.node)
            return who
        if await backoff.wait(service.stopping):
            return None
