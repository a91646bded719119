"""Carries out what the control plane's operator orders, at this node's gateway, and says how it went."""

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from guardian.common import log, rpc
from guardian.common.clock import now
from guardian.common.dialling import Line, announce, race
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.contracts.control.v1 import control_pb2_grpc
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.node.agent.gateway import asking_gateway
from guardian.vault import hpke
from guardian.vault.errors import VaultError

_log = log.get(__name__)
_Receiving = grpc.aio.UnaryStreamCall[pb.ReceiveOrdersRequest, pb.ReceiveOrdersResponse]


class Orders:
    """A closed list of deeds. None of them confirms an edge: that is a member's word in the roster."""

    def __init__(self, gateway: grpc.aio.Channel, control: grpc.aio.Channel) -> None:
        self._gateway = node_pb2_grpc.GatewayServiceStub(gateway)
        self._control = control_pb2_grpc.AgentServiceStub(control)

    async def work(self, line: Line) -> None:
        """One stream, until it breaks."""
        call = self._control.ReceiveOrders(pb.ReceiveOrdersRequest())
        await race(announce(call, line, "Orders are received."), self._follow(call))

    async def _follow(self, call: _Receiving) -> None:
        try:
            async for answer in call:
                result = await self._carry_out(answer.order)
                await self._tell(result)
        finally:
            call.cancel()

    async def _tell(self, result: pb.OrderResult) -> None:
        try:
            await self._control.ReportOrder(pb.ReportOrderRequest(result=result), timeout=10)
        except grpc.aio.AioRpcError as error:
            # What the control plane has forgotten it will never take.
            if rpc.reason_of(error) != "order_unknown":
                raise

    async def _carry_out(self, order: pb.Order) -> pb.OrderResult:
        if order.expires_at.ToNanoseconds() < _moment().ToNanoseconds():
            return _refused(order, "order_expired", "The order came too late.")
        work = order.WhichOneof("work")
        try:
            with asking_gateway():
                if work == "create_edge_token":
                    return await self._token(order)
                if work == "revoke_edge":
                    return await self._revoke(order)
        except grpc.aio.AioRpcError as error:
            reason = rpc.reason_of(error)
            if not reason:
                raise
            return _refused(order, reason, error.details() or "")
        return _refused(order, "order_unsupported", "This node's release does not know such an order.")

    async def _token(self, order: pb.Order) -> pb.OrderResult:
        asked = order.create_edge_token
        if len(asked.reply_public) != hpke.PUBLIC_SIZE:
            return _refused(order, "order_malformed", "The order names no key to answer to.")
        request = node_pb2.CreateEdgeTokenRequest(edge_name=asked.edge_name, valid_seconds=asked.valid_seconds)
        answer = await self._gateway.CreateEdgeToken(request, timeout=10)
        info = b"guardian/order-token/v1\0" + order.id.encode()
        try:
            sealed = hpke.seal(asked.reply_public, answer.token.encode(), info)
        except VaultError as error:
            return _refused(order, "order_malformed", str(error))
        _log.info("order_done", order=order.id, work="create_edge_token")
        return pb.OrderResult(
            order_id=order.id, sealed_token=sealed.enc + sealed.ct, token_expires_at=answer.expires_at
        )

    async def _revoke(self, order: pb.Order) -> pb.OrderResult:
        request = node_pb2.RevokeEdgeRequest(edge=order.revoke_edge.edge)
        answer = await self._gateway.RevokeEdge(request, timeout=10)
        _log.info("order_done", order=order.id, work="revoke_edge")
        return pb.OrderResult(order_id=order.id, edge_id=answer.edge_id, edge_name=answer.edge_name)


def _refused(order: pb.Order, reason: str, sentence: str) -> pb.OrderResult:
    _log.warning("order_refused", order=order.id, reason=reason)
    return pb.OrderResult(order_id=order.id, reason=reason, sentence=sentence)


def _moment() -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(now())
    return stamp
