"""Which edge calls: taken from its certificate, never from a message."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import grpc
import grpc.aio

from guardian.common import log, rpc, tls
from guardian.common.errors import GuardianError, PeerError
from guardian.node.gateway.edges import Edge, EdgeRevoked, Edges

_Context = grpc.aio.ServicerContext[Any, Any]
_log = log.get(__name__)


class Callers:
    """The edges of one household, told by their certificates; anybody else is denied."""

    def __init__(self, tenant: str, edges: Edges) -> None:
        self._tenant = tenant
        self._edges = edges

    async def find(self, context: _Context) -> Edge:
        """Who calls; ends the call of who is no edge of this node, or was let go."""
        identity = tls.parse_identity(tls.peer_uri(context))
        edge = None
        if identity is not None and identity[0] == self._tenant and identity[1] == "edge":
            edge = self._edges.get(identity[2])
        if edge is None:
            await _deny(context, PeerError("This node knows no edge by this certificate.", reason="edge_unknown"))
        if edge.revoked_at is not None:
            await _deny(context, EdgeRevoked())
        return edge

    @asynccontextmanager
    async def call(self, context: _Context) -> AsyncIterator[Edge]:
        """A stream of an enrolled edge; it ends when the edge is revoked."""
        edge = await self.find(context)
        try:
            async with self._edges.call(edge.id):
                # Tells the edge that the call stands, before there is anything to say.
                await context.send_initial_metadata(())
                yield edge
        except EdgeRevoked as error:
            await _deny(context, error)


async def _deny(context: _Context, error: GuardianError) -> NoReturn:
    _log.warning("edge_refused", reason=error.reason)
    await rpc.refuse(context, grpc.StatusCode.PERMISSION_DENIED, error)
