"""NodeEnrolmentService: a stranger spends a one-time token and becomes a tenant's node."""

from cryptography import x509

from guardian.common import log, tls
from guardian.contracts.control.v1 import control_pb2 as pb
from guardian.contracts.control.v1 import control_pb2_grpc
from guardian.control.agents.caller import AnyContext, refusals
from guardian.control.agents.pki import Pki
from guardian.control.database.engine import Database
from guardian.control.errors import ControlError
from guardian.control.nodes.service import NodeService, Registered
from guardian.control.schemas import plain

_log = log.get(__name__)


class NodeEnrolmentService(control_pb2_grpc.NodeEnrolmentServiceServicer):
    """Served without client certificates, on a port of its own."""

    def __init__(self, database: Database, pki: Pki, agents_address: str, ticket_keys: list[bytes]) -> None:
        self._nodes = NodeService(database)
        self._pki = pki
        self._agents_address = agents_address
        self._ticket_keys = ticket_keys

    async def Enrol(self, request: pb.EnrolRequest, context: AnyContext) -> pb.EnrolResponse:  # noqa: N802 (gRPC's name)
        """The names are decided here; of the request only the key counts."""
        async with refusals(context):
            try:
                public = tls.csr_public_key(request.csr_der)
            except ValueError as error:
                raise ControlError("The signing request cannot be used.", reason="csr_refused") from error
            issued: list[x509.Certificate] = []

            def issue(node: Registered) -> None:
                issued.append(self._pki.issue_node(public, node.tenant_id, node.node_id))

            version = plain(request.software_version, 64)
            node = await self._nodes.enrol(request.token_secret, version, tls.public_der(public), issue)
            _log.info("node_enrolled", tenant=node.tenant_id, node=node.node_id)
        return pb.EnrolResponse(
            tenant_id=node.tenant_id,
            node_id=node.node_id,
            certificate_der=tls.cert_der(issued[0]),
            ca_der=[tls.cert_der(self._pki.authority.certificate)],
            agents_address=self._agents_address,
            ticket_keys=self._ticket_keys,
        )
