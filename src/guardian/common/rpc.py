"""gRPC as the tiers speak it: limits, keepalive, refusals with a reason, channels that trust exactly one peer."""

import asyncio
from pathlib import Path
from typing import Any, NoReturn

import grpc
import grpc.aio
from cryptography import x509
from cryptography.x509 import DNSName, IPAddress

from guardian.common import secrets
from guardian.common.errors import GuardianError, PeerError
from guardian.common.text import plain
from guardian.common.tls import cert_pem, fetch_pinned, load_pair
from guardian.common.tokens import Token

# 256 KiB pieces were the fastest measured; a message may hold one and its frame.
PIECE = 256 << 10
MAX_MESSAGE = 1 << 20
REASON = "guardian-reason"

# A dead link is noticed after at most 10 s + 5 s, from either side.
_KEEPALIVE: list[tuple[str, Any]] = [
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]
_SIZES: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
]
# Without keepalive: a Unix socket does not go silent.
LOCAL_OPTIONS: list[tuple[str, Any]] = [
    *_SIZES,
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 5_000),
]
CLIENT_OPTIONS: list[tuple[str, Any]] = [*_KEEPALIVE, *LOCAL_OPTIONS]
# Bytes that a reader of many pieces is sent ahead. The window that gRPC finds by itself grows with the time a ping
# takes: on a far line, or without processor time, all of a call was sent ahead, and the reader's unit had no memory
# left.
BULK_WINDOW = 1 << 20
_BULK: list[tuple[str, Any]] = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", BULK_WINDOW)]
SERVER_OPTIONS: list[tuple[str, Any]] = [
    *_KEEPALIVE,
    *_SIZES,
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    # Pings are how our own peers notice a dead link: they are never counted as abuse.
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.max_concurrent_streams", 128),
    # A second daemon on the same port must fail, not share it.
    ("grpc.so_reuseport", 0),
    # Who connects and says nothing is let go soon, not after two minutes.
    ("grpc.server_handshake_timeout_ms", 10_000),
]
# For ports where strangers call once: a call that is opened and never made ends with its connection.
STRANGER_SECONDS = 20
STRANGER_CALLS = 512
STRANGER_OPTIONS: list[tuple[str, Any]] = [
    *(item for item in SERVER_OPTIONS if item[0] != "grpc.max_concurrent_streams"),
    ("grpc.max_concurrent_streams", 2),
    ("grpc.max_connection_idle_ms", STRANGER_SECONDS * 1000),
    ("grpc.max_connection_age_ms", STRANGER_SECONDS * 1000),
    ("grpc.max_connection_age_grace_ms", 1_000),
]


async def refuse(
    context: "grpc.aio.ServicerContext[Any, Any]", code: grpc.StatusCode, error: GuardianError, **more: str
) -> NoReturn:
    """End a call: status code, the sentence as details, the reason (and `more`) in the trailing metadata."""
    extra = [(key.replace("_", "-"), value) for key, value in more.items()]
    await context.abort(code, str(error), trailing_metadata=((REASON, error.reason), *extra))


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The machine reason a peer of ours gave; '' when the status came from gRPC itself."""
    return trailing(error, REASON)


def trailing(error: grpc.aio.AioRpcError, name: str) -> str:
    """A value of the trailing metadata; '' when it is not there."""
    for key, value in error.trailing_metadata() or ():
        if key == name:
            return value if isinstance(value, str) else value.decode("ascii", "replace")
    return ""


def explain(error: grpc.aio.AioRpcError, peer: str) -> PeerError:
    """A failed call as a sentence: the peer's own words where it gave some."""
    reason = reason_of(error)
    if reason:
        return PeerError(_plain(error.details() or f"The {peer} refused.", 500), reason=_plain(reason, 64))
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        return PeerError(f"The {peer} cannot be reached; it is tried again.", reason="peer_away")
    if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return PeerError(f"The {peer} does not accept this certificate.", reason="peer_refuses")
    return PeerError(f"The {peer} failed with {error.code().name}.", reason="peer_failed")


def _plain(text: str, limit: int) -> str:
    # The peer's words end in logs and on terminals.
    return plain(text[:limit])


def mutual_channel(address: str, identity: Path, *, bulk: bool = False) -> grpc.aio.Channel:
    """A channel with this machine's own certificate: secret `tls.key`, `tls.pem` and `ca.pem` beside it.

    Args:
        bulk: of what comes faster than it is read, no more than `BULK_WINDOW` bytes wait here.
    """
    key, chain = read_pair(identity)
    credentials = grpc.ssl_channel_credentials((identity / "ca.pem").read_bytes(), key, chain)
    return grpc.aio.secure_channel(address, credentials, options=CLIENT_OPTIONS + _BULK * bulk)


def read_pair(identity: Path) -> tuple[bytes, bytes]:
    """Key and certificate of this machine, as PEM; GuardianError when they are missing or do not belong together."""
    try:
        key, chain = load_pair(secrets.read("tls.key", identity))
        return key, chain or (identity / "tls.pem").read_bytes()
    except (ValueError, OSError) as error:
        raise GuardianError(
            "This machine's TLS key or certificate cannot be used.",
            reason="identity_damaged",
            hint="Restore it from a backup, or enrol again.",
        ) from error


def socket_channel(path: Path) -> grpc.aio.Channel:
    """A channel to a Unix socket on this machine."""
    # Without an authority gRPC would send the percent-encoded path, which servers refuse.
    return grpc.aio.insecure_channel(f"unix:{path}", options=[*LOCAL_OPTIONS, ("grpc.default_authority", "localhost")])


async def pinned_channel(token: Token) -> grpc.aio.Channel:
    """A channel to the enrolment server a token names, trusting the pinned certificate alone; PeerError otherwise."""
    certificate = await asyncio.to_thread(fetch_pinned, token.host, token.port, token.pin)
    credentials = grpc.ssl_channel_credentials(cert_pem(certificate))
    # The pin says who it is; the address it is reached by need not stand in the certificate.
    options = [*CLIENT_OPTIONS, ("grpc.ssl_target_name_override", _first_name(certificate))]
    return grpc.aio.secure_channel(token.address, credentials, options=options)


def _first_name(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    for name in names:
        if isinstance(name, (DNSName, IPAddress)):
            return str(name.value)
    raise PeerError("The enrolment server's certificate names no host.", reason="enrol_wrong_peer")


def split_address(address: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port`; ValueError otherwise."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("an address is written host:port")
    return host.strip("[]"), int(port)
