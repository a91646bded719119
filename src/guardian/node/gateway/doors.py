"""This node's own daemons and its operator, each with a door of its own and what may be asked at it.

A socket cannot tell who asks: in a user namespace of its own the gateway sees every other user as nobody, and gRPC
says nothing of a Unix peer. So each caller has a folder that systemd made for its group alone, and a server behind it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from guardian.common import log, rpc
from guardian.common.errors import PeerError
from guardian.contracts.node.v1 import node_pb2
from guardian.node.config import Caller

_SERVICE = node_pb2.DESCRIPTOR.services_by_name["GatewayService"].full_name
MAY: dict[Caller, frozenset[str]] = {
    # Root alone.
    "operator": frozenset({"CreateEdgeToken", "ListEdges", "RevokeEdge"}),
    # What browsers read through it; strangers speak to it.
    "relay": frozenset({"ReadObject", "GetEvent", "GetRoster"}),
    # The control plane's line; its operator's orders come by it.
    "agent": frozenset(
        {
            "WatchEvents",
            "GetRoster",
            "AppendRoster",
            "PutCommand",
            "WatchCommandResults",
            "AckCommandResult",
            "ListEdges",
            "CreateEdgeToken",
            "RevokeEdge",
        }
    ),
    "hub": frozenset({"WatchTunnelPeers", "ReportTunnel"}),
}
_log = log.get(__name__)


class Gate(grpc.aio.ServerInterceptor):
    """Lets a caller's own calls through; everything else is denied before it is read."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._allowed = {f"/{_SERVICE}/{name}" for name in MAY[caller]}

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """The call's handler, or one that refuses."""
        handler = await continuation(handler_call_details)
        # None: there is no such call at all, which gRPC says itself.
        if handler is None or handler_call_details.method in self._allowed:
            return handler
        return grpc.unary_unary_rpc_method_handler(self._deny)

    async def _deny(self, _: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        _log.warning("caller_denied", caller=self._caller)
        error = PeerError(f"This is not for guardian's {self._caller} to ask.", reason="caller_denied")
        await rpc.refuse(context, grpc.StatusCode.PERMISSION_DENIED, error)
