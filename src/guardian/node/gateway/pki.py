"""The gateway's keys: a CA for this node's edges, a server certificate that renews itself, the enrolment port's pin."""

import datetime as dt
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from guardian.common import tls
from guardian.common.clock import now
from guardian.common.errors import StoreError
from guardian.common.files import write_atomic

# Renewed by the edge at two thirds; one that ended while the edge was away is renewed inside the tunnel.
EDGE_LIFE = tls.LEAF_LIFE
_RENEW_AFTER = dt.timedelta(days=7)


class Pki:
    """Made at first start under `gateway/`, mode 0600, never replaced."""

    def __init__(self, folder: Path, hosts: list[str]) -> None:
        self._hosts = hosts
        self.authority = _authority(folder)
        self._server_key = _key(folder / "server.key")
        self._enrol_key = _key(folder / "enrol.key")
        self.enrol_certificate = tls.self_signed_server(self._enrol_key, hosts)
        self._issued = self._issue_server()

    @property
    def pin(self) -> str:
        """What tokens carry: the hash of the enrolment key, the same after every start."""
        return tls.spki_pin(self.enrol_certificate)

    def issue_edge(self, public: ec.EllipticCurvePublicKey, tenant: str, edge_id: str) -> x509.Certificate:
        """An edge's client certificate."""
        return self.authority.issue_client(public, f"guardian://{tenant}/edge/{edge_id}", life=EDGE_LIFE)

    def enrol_credentials(self) -> grpc.ServerCredentials:
        """TLS for strangers: they know the pin and have no certificate."""
        return grpc.ssl_server_credentials([(tls.key_pem(self._enrol_key), tls.cert_pem(self.enrol_certificate))])

    def edge_credentials(self) -> grpc.ServerCredentials:
        """mTLS for edges; the server's certificate is renewed weekly without a restart."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(self._issued),
            self._renewed,  # type: ignore[arg-type]  # None says: as before
            require_client_authentication=True,
        )

    def renewal_credentials(self) -> grpc.ServerCredentials:
        """TLS for edges whose own certificate has ended: they know this node's CA and prove themselves by signature."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(self._issued),
            self._renewed,  # type: ignore[arg-type]  # None says: as before
            require_client_authentication=False,
        )

    def _renewed(self) -> grpc.ServerCertificateConfiguration | None:
        if now() - self._issued.not_valid_before_utc < _RENEW_AFTER:
            return None
        self._issued = self._issue_server()
        return self._configuration(self._issued)

    def _issue_server(self) -> x509.Certificate:
        return self.authority.issue_server(self._server_key.public_key(), self._hosts)

    def _configuration(self, certificate: x509.Certificate) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(tls.key_pem(self._server_key), tls.cert_pem(certificate))],
            root_certificates=tls.cert_pem(self.authority.certificate),
        )


def _authority(folder: Path) -> tls.Authority:
    key, certificate = folder / "ca.key", folder / "ca.pem"
    if not certificate.is_file():
        # The certificate is written last: a key without one was never used.
        made = tls.Authority.create("guardian node")
        write_atomic(key, tls.key_pem(made.key))
        write_atomic(certificate, tls.cert_pem(made.certificate), mode=0o640)
        return made
    try:
        return tls.Authority.load(key.read_bytes(), certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(key) from error


def _key(path: Path) -> tls.PrivateKey:
    if not path.is_file():
        made = tls.new_key()
        write_atomic(path, tls.key_pem(made))
        return made
    try:
        return tls.load_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"The gateway's key {path} cannot be used.",
        reason="key_damaged",
        hint="Restore it from a backup: a new key would lock out every edge.",
    )
