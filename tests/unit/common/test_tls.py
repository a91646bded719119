"""Keys, certificates and pins, against a real TLS server."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.common import tls
from guardian.common.errors import PeerError


@contextmanager
def server(folder: Path, *, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[tuple[int, x509.Certificate]]:
    """A TLS server on loopback that shows a self-signed certificate to whoever asks."""
    key = tls.new_key()
    certificate = tls.self_signed_server(key, ["127.0.0.1"])
    (folder / "key.pem").write_bytes(tls.key_pem(key))
    (folder / "cert.pem").write_bytes(tls.cert_pem(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = version
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                with plain:
                    try:
                        context.wrap_socket(plain, server_side=True).close()
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], certificate
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_server_with_the_pinned_key_is_known(tmp_path: Path) -> None:
    with server(tmp_path) as (port, certificate):
        assert tls.fetch_pinned("127.0.0.1", port, tls.spki_pin(certificate)) == certificate


def test_a_server_with_another_key_is_refused(tmp_path: Path) -> None:
    other = tls.self_signed_server(tls.new_key(), ["127.0.0.1"])
    with server(tmp_path) as (port, _), pytest.raises(PeerError) as caught:
        tls.fetch_pinned("127.0.0.1", port, tls.spki_pin(other))
    assert caught.value.reason == "enrol_wrong_peer"
    assert "Nothing was sent" in str(caught.value)


def test_an_old_tls_is_refused(tmp_path: Path) -> None:
    with server(tmp_path, version=ssl.TLSVersion.TLSv1_2) as (port, certificate), pytest.raises(PeerError) as caught:
        tls.fetch_pinned("127.0.0.1", port, tls.spki_pin(certificate))
    assert caught.value.reason == "enrol_unreachable"


def test_a_port_where_nobody_listens_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(PeerError, match=f"127.0.0.1:{port} cannot be reached") as caught:
        tls.fetch_pinned("127.0.0.1", port, "0" * 64)
    assert caught.value.reason == "enrol_unreachable"


def test_a_server_that_speaks_no_tls_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            plain, _ = listener.accept()
            plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            plain.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(PeerError) as caught:
            tls.fetch_pinned("127.0.0.1", listener.getsockname()[1], "0" * 64)
        thread.join()
    assert caught.value.reason == "enrol_unreachable"


def test_an_authority_issues_leaves_that_hold_and_carry_one_identity() -> None:
    authority = tls.Authority.create("edges of a node")
    key = tls.new_key()
    leaf = authority.issue_client(key.public_key(), "guardian://t/edge/e")
    leaf.verify_directly_issued_by(authority.certificate)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [item.value for item in names] == ["guardian://t/edge/e"]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_an_authority_survives_being_stored() -> None:
    authority = tls.Authority.create("x")
    again = tls.Authority.load(tls.key_pem(authority.key), tls.cert_pem(authority.certificate))
    again.issue_client(tls.new_key().public_key(), "guardian://t/edge/e").verify_directly_issued_by(
        authority.certificate
    )


def test_a_leaf_lives_as_long_as_asked_and_tolerates_a_slow_clock() -> None:
    authority = tls.Authority.create("x")
    leaf = authority.issue_server(tls.new_key().public_key(), ["localhost", "127.0.0.1"], life=dt.timedelta(hours=1))
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == dt.timedelta(hours=1)
    assert leaf.not_valid_before_utc <= dt.datetime.now(dt.UTC) - dt.timedelta(minutes=4)


def test_a_signing_request_proves_its_key_and_says_nothing_else() -> None:
    key = tls.new_key()
    assert tls.csr_public_key(tls.new_csr(key)) == key.public_key()


def request_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def test_signing_requests_for_other_keys_are_refused() -> None:
    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(ValueError, match="signing request"):
            tls.csr_public_key(request_of(key))


def test_a_signing_request_that_was_changed_is_refused() -> None:
    request = bytearray(tls.new_csr(tls.new_key()))
    request[-1] ^= 1
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's words are not ours
        tls.csr_public_key(bytes(request))


@pytest.mark.parametrize(
    ("uri", "identity"),
    [
        ("guardian://tenant/edge/abc", ("tenant", "edge", "abc")),
        ("guardian://tenant/edge", None),
        ("guardian://tenant/edge/a/b", None),
        ("guardian:///edge/a", None),
        ("https://tenant/edge/abc", None),
        ("tenant/edge/abc", None),
        ("", None),
    ],
)
def test_an_identity_is_read_from_one_form_of_uri_only(uri: str, identity: tuple[str, str, str] | None) -> None:
    assert tls.parse_identity(uri) == identity


@pytest.mark.parametrize("change", [(b"\x2b\x65\x70", b"\x2b\x65\x63"), (b"\x30", b"\x30" * 9000)])
def test_a_signing_request_of_an_unknown_kind_is_refused_and_not_stumbled_over(change: tuple[bytes, bytes]):
    name = x509.Name([])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(Ed25519PrivateKey.generate(), None)
    der = request.public_bytes(serialization.Encoding.DER)
    with pytest.raises(ValueError, match="signing request"):
        tls.csr_public_key(der.replace(*change))
