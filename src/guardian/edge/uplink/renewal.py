"""How the edge asks its node for a new certificate: over its own line, or, too late, by the tunnel's own port."""

import contextlib
from collections.abc import AsyncIterator

import grpc
import grpc.aio

from guardian.common import rpc
from guardian.common.errors import PeerError
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.edge.identity import CA_FILE, Identity
from guardian.edge.tunnel import settings as tunnel_settings
from guardian.vault.messages import sign_renewal

_SECONDS = 15.0


class NodeRenewal:
    """The edge's side of RenewalService."""

    def __init__(self, who: Identity, channel: grpc.aio.Channel) -> None:
        self._who = who
        self._channel = channel

    async def ask(self, csr: bytes, ended: bool) -> bytes:
        """The new certificate, DER; the request is signed by the key that the household knows this edge by."""
        who = self._who
        async with self._line(ended) as channel:
            stub = edge_pb2_grpc.RenewalServiceStub(channel)
            begun = await stub.BeginRenewal(edge_pb2.BeginRenewalRequest(edge_id=who.edge), timeout=_SECONDS)
            if len(begun.challenge) != 32:
                raise PeerError("The node's challenge is not of the allowed form.", reason="renewal_answer")
            request = edge_pb2.RenewRequest(
                edge_id=who.edge,
                challenge=begun.challenge,
                csr_der=csr,
                signature=sign_renewal(who.keys, begun.challenge, who.edge, csr),
            )
            return (await stub.Renew(request, timeout=_SECONDS)).certificate_der

    @contextlib.asynccontextmanager
    async def _line(self, ended: bool) -> AsyncIterator[grpc.aio.Channel]:
        if not ended:
            yield self._channel
            return
        tunnel = tunnel_settings.load(self._who.folder.parent)
        if tunnel is None:
            raise PeerError(
                "The certificate has ended, and without a tunnel the node has no port to renew it.",
                reason="renewal_nowhere",
                hint="Enrol this edge again.",
            )
        credentials = grpc.ssl_channel_credentials((self._who.folder / CA_FILE).read_bytes())
        async with grpc.aio.secure_channel(tunnel.renewal, credentials, options=rpc.CLIENT_OPTIONS) as channel:
            yield channel
