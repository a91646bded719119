"""Who calls, and refusals as gRPC says them: a status, a sentence, a reason in the trailing metadata."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from guardian.common import log, rpc, tls
from guardian.common.ids import parse_hex_id
from guardian.control.database.engine import DATABASE_AWAY
from guardian.control.errors import ControlError, Unauthenticated, Unavailable
from guardian.control.nodes.service import NodeService

_log = log.get(__name__)
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
AnyContext = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class Caller:
    """A node, by its certificate."""

    tenant_id: str
    node_id: str


@asynccontextmanager
async def refusals(context: AnyContext) -> AsyncIterator[None]:
    """Errors of ours inside the block end the call as they should."""
    try:
        yield
    except ControlError as error:
        _log.warning("call_refused", reason=error.reason, sentence=str(error))
        await rpc.refuse(context, _CODES.get(error.status, grpc.StatusCode.UNKNOWN), error)
    except DATABASE_AWAY as error:
        _log.warning("database_lost", error=type(error).__name__)
        away = Unavailable("The control plane's database does not answer. Try again soon.", reason="database_away")
        await rpc.refuse(context, grpc.StatusCode.UNAVAILABLE, away)


async def identify(context: AnyContext, nodes: NodeService) -> Caller:
    """The node behind the certificate; the call ends when it is none, or was revoked: call it inside `refusals`."""
    tenant_id, kind, node_id = tls.parse_identity(tls.peer_uri(context)) or ("", "", "")
    try:
        parse_hex_id(tenant_id)
        parse_hex_id(node_id)
    except ValueError:
        kind = ""
    if kind != "node":
        raise Unauthenticated("This certificate is not a node's.", reason="certificate_refused")
    await nodes.check(tenant_id, node_id)
    return Caller(tenant_id, node_id)
