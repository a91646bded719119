"""A stranger with a one-time token becomes an edge: keys proved, token spent, certificate issued."""

import secrets
import unicodedata
from functools import partial
from typing import Any

import grpc
import grpc.aio

from guardian.common import log, rpc, tls
from guardian.common.clock import now
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.node.gateway.edges import Edge, Edges, EnrolmentError, nothing
from guardian.node.gateway.pki import Pki
from guardian.node.gateway.tunnels import Tunnel, Tunnels
from guardian.vault.errors import VaultError
from guardian.vault.messages import verify_enrolment

_MAX_CSR = 8 << 10
_CODES = {
    "hub_away": grpc.StatusCode.UNAVAILABLE,
    "addresses_exhausted": grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_log = log.get(__name__)


class EnrolmentService(edge_pb2_grpc.EnrolmentServiceServicer):
    """Served on its own port with the pinned certificate."""

    def __init__(self, tenant: str, edges: Edges, pki: Pki, tunnels: Tunnels, gateway_address: str) -> None:
        self._tenant = tenant
        self._edges = edges
        self._pki = pki
        self._tunnels = tunnels
        self._gateway_address = gateway_address

    async def Enrol(  # noqa: N802
        self, request: edge_pb2.EnrolRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> edge_pb2.EnrolResponse:
        try:
            return await self._enrol(request)
        except EnrolmentError as error:
            _log.warning("enrolment_refused", reason=error.reason, sentence=str(error))
            denied = error.reason.startswith("token_")
            code = grpc.StatusCode.PERMISSION_DENIED if denied else grpc.StatusCode.INVALID_ARGUMENT
            await rpc.refuse(context, _CODES.get(error.reason, code), error)

    async def _enrol(self, request: edge_pb2.EnrolRequest) -> edge_pb2.EnrolResponse:
        # The token comes first: whoever has none makes us parse nothing.
        token_name = await self._edges.check_token(request.token_secret)
        public = _prove(request)
        edge = Edge(
            id=secrets.token_hex(16),
            name=token_name or _name(request.name),
            sign_public=request.sign_public,
            receive_public=request.receive_public,
            enrolled_at=now(),
        )
        self._tunnels.require_hub()
        tunnel: Tunnel | None = None
        if self._tunnels.enabled:
            give = partial(self._tunnels.give, public=request.wireguard_public)
            known, tunnel = await self._edges.register(request.token_secret, edge, tls.public_der(public), give)
        else:
            known, _ = await self._edges.register(request.token_secret, edge, tls.public_der(public), nothing)
        certificate = self._pki.issue_edge(public, self._tenant, known.id)
        answer = edge_pb2.EnrolResponse(
            tenant_id=self._tenant,
            edge_id=known.id,
            certificate_der=tls.cert_der(certificate),
            ca_der=[tls.cert_der(self._pki.authority.certificate)],
            gateway_address=self._gateway_address,
        )
        if tunnel is not None:
            answer.tunnel.CopyFrom(self._tunnels.keep(tunnel))
        _log.info("edge_enrolled" if known is edge else "enrolment_repeated", edge=known.id)
        return answer


def _prove(request: edge_pb2.EnrolRequest) -> Any:
    if len(request.sign_public) != 32 or len(request.receive_public) != 1216 or len(request.csr_der) > _MAX_CSR:
        raise EnrolmentError("The edge's keys are not of the expected form.", reason="enrol_malformed")
    try:
        public = tls.csr_public_key(request.csr_der)
    except ValueError:
        raise EnrolmentError("The edge's signing request is not usable.", reason="enrol_malformed") from None
    try:
        verify_enrolment(
            request.sign_public, request.receive_public, request.token_secret, request.csr_der, request.proof
        )
    except VaultError:
        raise EnrolmentError("The edge did not prove that it holds its signing key.", reason="enrol_proof") from None
    return public


def _name(text: str) -> str:
    plain = "".join(sign for sign in unicodedata.normalize("NFC", text) if sign.isprintable()).strip()
    return plain[:64] or "edge"
