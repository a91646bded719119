"""New certificates for edges that prove their signing key; one that ended is no hindrance, a revocation is."""

from typing import Any, NoReturn

import grpc
import grpc.aio

from guardian.common import log, rpc, tls
from guardian.common.errors import GuardianError, PeerError
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.node.gateway.challenges import Challenges
from guardian.node.gateway.edges import EdgeRevoked, Edges
from guardian.node.gateway.pki import Pki
from guardian.vault.errors import VaultError
from guardian.vault.messages import verify_renewal

_Context = grpc.aio.ServicerContext[Any, Any]
_log = log.get(__name__)


class RenewalService(edge_pb2_grpc.RenewalServiceServicer):
    """Who asks is known by signature alone, whichever port it came to."""

    def __init__(self, tenant: str, edges: Edges, pki: Pki) -> None:
        self._tenant = tenant
        self._edges = edges
        self._pki = pki
        self._challenges = Challenges()

    async def BeginRenewal(  # noqa: N802
        self, request: edge_pb2.BeginRenewalRequest, context: _Context
    ) -> edge_pb2.BeginRenewalResponse:
        # Strangers get one too: whether an edge exists is not theirs to learn.
        return edge_pb2.BeginRenewalResponse(challenge=self._challenges.make(request.edge_id))

    async def Renew(  # noqa: N802
        self, request: edge_pb2.RenewRequest, context: _Context
    ) -> edge_pb2.RenewResponse:
        edge = self._edges.get(request.edge_id)
        challenge = request.challenge
        if edge is None or not self._challenges.is_good(challenge, edge.id):
            await _deny(context, _refused())
        try:
            verify_renewal(edge.sign_public, challenge, edge.id, request.csr_der, request.signature)
            public = tls.csr_public_key(request.csr_der)
        except (VaultError, ValueError):
            await _deny(context, _refused())
        # Only now: whoever cannot sign uses nobody's challenge up.
        self._challenges.spend(challenge)
        # Said only to whom it concerns.
        if edge.revoked_at is not None:
            await _deny(context, EdgeRevoked())
        certificate = self._pki.issue_edge(public, self._tenant, edge.id)
        _log.info("certificate_issued", edge=edge.id)
        return edge_pb2.RenewResponse(
            certificate_der=tls.cert_der(certificate), ca_der=[tls.cert_der(self._pki.authority.certificate)]
        )


def _refused() -> PeerError:
    return PeerError("This is no edge of this node's that asks for its own certificate.", reason="renewal_refused")


async def _deny(context: _Context, error: GuardianError) -> NoReturn:
    _log.warning("edge_refused", reason=error.reason)
    await rpc.refuse(context, grpc.StatusCode.PERMISSION_DENIED, error)
