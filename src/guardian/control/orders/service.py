"""An operator's orders on their way to a node, and its answers back. A token among them is sealed to who asked."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta

from guardian.common.clock import now
from guardian.common.ids import parse_uuid7, uuid7
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.control.database.engine import Database
from guardian.control.errors import ControlError, NotFound, Unavailable
from guardian.control.nodes.repository import NodeRepository
from guardian.control.orders.repository import OrderRepository
from guardian.control.schemas import plain
from guardian.vault import hpke
from guardian.vault.errors import VaultError

LIFE = timedelta(minutes=2)
_LOOK = 0.3
_MAX_RESULT = 16 << 10


class OrderService:
    """Carries orders; the node decides and does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_edge_token(self, tenant_id: str, node_id: str, name: str, valid_seconds: int) -> tuple[str, str]:
        """Token and its end (RFC 3339), made by the node. It is opened here and nowhere else, and kept by nobody."""
        seed = secrets.token_bytes(hpke.SEED_SIZE)
        work = pb.CreateEdgeTokenOrder(edge_name=name, valid_seconds=valid_seconds, reply_public=hpke.public_key(seed))
        order = pb.Order(id=str(uuid7()), create_edge_token=work)
        result = await self._ask(tenant_id, node_id, order)
        sealed = hpke.Sealed(result.sealed_token[: hpke.ENC_SIZE], result.sealed_token[hpke.ENC_SIZE :])
        try:
            token = hpke.open_(seed, sealed, token_info(order.id)).decode("ascii")
        except (VaultError, UnicodeDecodeError) as error:
            raise ControlError("The node's answer cannot be opened.", reason="order_answer") from error
        return token, result.token_expires_at.ToJsonString()

    async def revoke_edge(self, tenant_id: str, node_id: str, edge: str) -> tuple[str, str]:
        """Id and name of the edge that was let go."""
        order = pb.Order(id=str(uuid7()), revoke_edge=pb.RevokeEdgeOrder(edge=edge))
        result = await self._ask(tenant_id, node_id, order)
        return result.edge_id, result.edge_name

    async def _ask(self, tenant_id: str, node_id: str, order: pb.Order) -> pb.OrderResult:
        moment = now()
        expires = moment + LIFE
        order.expires_at.FromDatetime(expires)
        async with self._database.tenant(tenant_id) as scope:
            if await NodeRepository(scope).get(node_id) is None:
                raise NotFound("There is no such node.", reason="node_unknown")
            await OrderRepository(scope).add(order.id, node_id, order.SerializeToString(), moment, expires)
            await scope.notify("commands")
        while now() < expires:
            async with self._database.tenant(tenant_id) as scope:
                raw = await OrderRepository(scope).result(order.id)
            if raw is not None:
                result = pb.OrderResult.FromString(raw)
                if result.reason:
                    raise ControlError(result.sentence or "The node refused.", reason=result.reason)
                return result
            await asyncio.sleep(_LOOK)
        raise Unavailable("The node did not answer in time; the order no longer counts.", reason="node_away")

    async def waiting(self, tenant_id: str, node_id: str, limit: int = 100) -> Sequence[pb.Order]:
        """What a node has yet to do."""
        async with self._database.tenant(tenant_id) as scope:
            rows = await OrderRepository(scope).waiting(node_id, now(), limit)
        return [pb.Order.FromString(row.content) for row in rows]

    async def answer(self, tenant_id: str, node_id: str, result: pb.OrderResult) -> None:
        """A node's answer; 404 `order_unknown` when the order is not its own, 400 when it is absurd."""
        try:
            parse_uuid7(result.order_id)
        except ValueError:
            raise NotFound("There is no such order.", reason="order_unknown") from None
        kept = pb.OrderResult(
            order_id=result.order_id,
            reason=plain(result.reason, 64),
            sentence=plain(result.sentence, 500),
            sealed_token=result.sealed_token,
            edge_id=plain(result.edge_id, 64),
            edge_name=plain(result.edge_name, 64),
        )
        if result.HasField("token_expires_at"):
            kept.token_expires_at.CopyFrom(result.token_expires_at)
        raw = kept.SerializeToString()
        if len(raw) > _MAX_RESULT:
            raise ControlError("The node's answer is not of the allowed form.", reason="malformed")
        async with self._database.tenant(tenant_id) as scope:
            if not await OrderRepository(scope).answer(result.order_id, node_id, raw, now()):
                raise NotFound("There is no such order.", reason="order_unknown")


def token_info(order_id: str) -> bytes:
    """What a sealed token is bound to, as in control.proto."""
    return b"guardian/order-token/v1\0" + order_id.encode("ascii")
