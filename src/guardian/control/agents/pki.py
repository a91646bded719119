"""The CA for nodes, the enrolment port's own key, and the server certificate."""

import threading
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from guardian.common import tls
from guardian.common.clock import now
from guardian.common.errors import StoreError
from guardian.common.files import private_folder, write_atomic
from guardian.control.config import AgentsSection, host_port

FOLDER = "agents"
# Renewed by the node at two thirds. One that was away for longer is enrolled again, as the same tenant's new node.
NODE_LIFE = tls.LEAF_LIFE


@dataclass(frozen=True)
class Pki:
    """Keys of the agents daemon; nobody else reads them but an operator who makes tokens."""

    authority: tls.Authority
    enrol_key: tls.PrivateKey
    enrol_certificate: x509.Certificate

    @classmethod
    def load(cls, state_dir: Path, settings: AgentsSection) -> "Pki":
        """From STATE/agents; made at the first start."""
        folder = private_folder(state_dir / FOLDER)
        if not (folder / "ca.pem").exists():
            authority = tls.Authority.create("guardian nodes")
            write_atomic(folder / "ca.key", tls.key_pem(authority.key))
            write_atomic(folder / "ca.pem", tls.cert_pem(authority.certificate), mode=0o644)
        if not (folder / "enrol.pem").exists():
            key = tls.new_key()
            certificate = tls.self_signed_server(key, [host_port(settings.enrol_advertise)[0]])
            write_atomic(folder / "enrol.key", tls.key_pem(key))
            write_atomic(folder / "enrol.pem", tls.cert_pem(certificate), mode=0o644)
        try:
            return cls(
                tls.Authority.load((folder / "ca.key").read_bytes(), (folder / "ca.pem").read_bytes()),
                tls.load_key((folder / "enrol.key").read_bytes()),
                x509.load_pem_x509_certificate((folder / "enrol.pem").read_bytes()),
            )
        except (OSError, ValueError) as error:
            raise StoreError(
                f"The keys in {folder} cannot be used.",
                reason="pki_unusable",
                hint="Restore the folder from a backup. Without it every node has to enrol again.",
            ) from error

    @property
    def pin(self) -> str:
        """What tokens carry."""
        return tls.spki_pin(self.enrol_certificate)

    def issue_node(self, public: ec.EllipticCurvePublicKey, tenant_id: str, node_id: str) -> x509.Certificate:
        """A node's client certificate."""
        return self.authority.issue_client(public, f"guardian://{tenant_id}/node/{node_id}", life=NODE_LIFE)

    def enrolment_credentials(self) -> grpc.ServerCredentials:
        """Server-authenticated; the stranger has no certificate yet."""
        pair = (tls.key_pem(self.enrol_key), tls.cert_pem(self.enrol_certificate))
        return grpc.ssl_server_credentials([pair])

    def agents_credentials(self, settings: AgentsSection) -> grpc.ServerCredentials:
        """Both sides authenticated. The server's certificate is renewed while the daemon runs."""
        issuer = _ServerCertificate(self, host_port(settings.advertise)[0])
        return grpc.dynamic_ssl_server_credentials(
            issuer.configuration(),
            issuer.renewed,  # type: ignore[arg-type]  # None says: as before
            require_client_authentication=True,
        )


class _ServerCertificate:
    def __init__(self, pki: Pki, host: str) -> None:
        self._pki = pki
        self._host = host
        self._lock = threading.Lock()
        self._issued = now()

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        key = tls.new_key()
        certificate = self._pki.authority.issue_server(key.public_key(), [self._host])
        self._issued = now()
        return grpc.ssl_server_certificate_configuration(
            [(tls.key_pem(key), tls.cert_pem(certificate))], tls.cert_pem(self._pki.authority.certificate)
        )

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """Asked by gRPC, on its own threads, before each handshake; None keeps what there is."""
        with self._lock:
            return self.configuration() if now() - self._issued > tls.LEAF_LIFE / 3 else None
