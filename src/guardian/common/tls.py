"""Keys, a small CA, pins and gRPC credentials: X.509 as the tiers use it between each other."""

import datetime as dt
import hashlib
import hmac
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from typing import Any

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from guardian.common.errors import PeerError

PrivateKey = ec.EllipticCurvePrivateKey
MAX_CSR = 8 << 10
CLOCK_SLACK = dt.timedelta(minutes=5)
LEAF_LIFE = dt.timedelta(days=30)
CA_LIFE = dt.timedelta(days=3650)


def new_key() -> PrivateKey:
    """A P-256 key: the curve every TLS stack here speaks."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: PrivateKey) -> bytes:
    """PKCS#8, unencrypted: the file's mode guards it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_key(pem: bytes) -> PrivateKey:
    """A P-256 private key from PEM; ValueError for anything else."""
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic-curve key")
    return key


def load_pair(pem: bytes) -> tuple[bytes, bytes]:
    """The private key and the certificates of `tls.key`, each as PEM; ValueError when they do not belong together.

    Both stand in one file so that they change together. Older files hold the key alone: the second is empty.
    """
    key = load_key(pem)
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        return key_pem(key), b""
    certificates = x509.load_pem_x509_certificates(pem)
    if certificates[0].public_key() != key.public_key():
        raise ValueError("the certificate is not the key's")
    return key_pem(key), b"".join(cert_pem(item) for item in certificates)


def cert_pem(certificate: x509.Certificate) -> bytes:
    """PEM of one certificate."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def cert_der(certificate: x509.Certificate) -> bytes:
    """DER of one certificate."""
    return certificate.public_bytes(serialization.Encoding.DER)


def spki_pin(certificate: x509.Certificate) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, hexadecimal."""
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).hexdigest()


def new_csr(key: PrivateKey) -> bytes:
    """PKCS#10, DER; it carries the public key and proves possession, no names: the issuer decides those."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "guardian")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.DER)


def csr_public_key(der: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key of a CSR whose own signature holds; ValueError otherwise."""
    if len(der) > MAX_CSR:
        raise ValueError("the signing request is too large")
    try:
        csr = x509.load_der_x509_csr(der)
        key = csr.public_key()
        proved = csr.is_signature_valid
    except UnsupportedAlgorithm:
        raise ValueError("the signing request is of an algorithm nobody knows") from None
    if not proved or not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("the signing request does not prove an elliptic-curve key")
    if not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the signing request's key is not on P-256")
    return key


def public_der(key: ec.EllipticCurvePublicKey) -> bytes:
    """SubjectPublicKeyInfo, DER: two of the same bytes are the same key."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class Authority:
    """A CA for one tier's peers."""

    key: PrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls, name: str) -> "Authority":
        """A new self-signed CA that may sign leaves only."""
        key = new_key()
        subject = _name(name)
        builder = (
            _builder(subject, subject, key.public_key(), CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        return cls(key, builder.sign(key, hashes.SHA256()))

    @classmethod
    def load(cls, key: bytes, certificate: bytes) -> "Authority":
        """From PEM."""
        return cls(load_key(key), x509.load_pem_x509_certificate(certificate))

    def issue_client(
        self, public: ec.EllipticCurvePublicKey, identity: str, *, life: dt.timedelta = LEAF_LIFE
    ) -> x509.Certificate:
        """A client certificate whose only name is the URI `identity`."""
        return self._issue(public, [x509.UniformResourceIdentifier(identity)], ExtendedKeyUsageOID.CLIENT_AUTH, life)

    def issue_server(
        self, public: ec.EllipticCurvePublicKey, hosts: list[str], *, life: dt.timedelta = LEAF_LIFE
    ) -> x509.Certificate:
        """A server certificate for DNS names and addresses."""
        return self._issue(public, [_general_name(host) for host in hosts], ExtendedKeyUsageOID.SERVER_AUTH, life)

    def _issue(
        self,
        public: ec.EllipticCurvePublicKey,
        names: list[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        life: dt.timedelta,
    ) -> x509.Certificate:
        builder = (
            _builder(_name("guardian"), self.certificate.subject, public, life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        return builder.sign(self.key, hashes.SHA256())


def self_signed_server(key: PrivateKey, hosts: list[str]) -> x509.Certificate:
    """The enrolment port's certificate: trusted by pin alone, so it needs no CA and no early end."""
    subject = _name("guardian enrolment")
    return (
        _builder(subject, subject, key.public_key(), CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )


def fetch_pinned(host: str, port: int, pin: str, *, timeout: float = 5.0) -> x509.Certificate:
    """The certificate a server shows, if its SPKI has the pinned hash; PeerError otherwise.

    Nothing is trusted before the comparison; what is returned becomes the only root for the connection that follows.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=timeout) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            der = secure.getpeercert(binary_form=True)
    except OSError as error:
        raise PeerError(
            f"{host}:{port} cannot be reached for enrolment ({error}).",
            reason="enrol_unreachable",
            hint="Check the address in the token and that the other side is running.",
        ) from error
    certificate = x509.load_der_x509_certificate(der or b"")
    if not hmac.compare_digest(spki_pin(certificate), pin):
        raise PeerError(
            f"{host}:{port} is not the machine this token was made on: its key differs from the pinned one.",
            reason="enrol_wrong_peer",
            hint="Nothing was sent. Ask for a new token over a channel you trust.",
        )
    return certificate


def peer_uri(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """The URI in the caller's client certificate, already verified by TLS; '' when there is none."""
    pem = list(context.auth_context().get("x509_pem_cert") or ())
    if not pem:
        return ""
    certificate = x509.load_pem_x509_certificate(pem[0])
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if len(uris) == 1 else ""


def parse_identity(uri: str) -> tuple[str, str, str] | None:
    """`guardian://TENANT/KIND/ID` to (tenant, kind, id); None for anything else."""
    parts = uri.removeprefix("guardian://").split("/")
    if not uri.startswith("guardian://") or len(parts) != 3 or not all(parts):
        return None
    return parts[0], parts[1], parts[2]


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, life: dt.timedelta
) -> x509.CertificateBuilder:
    start = dt.datetime.now(dt.UTC) - CLOCK_SLACK
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
