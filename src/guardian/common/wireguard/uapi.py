"""The text in which wireguard-go is configured and asked (its cross-platform userspace protocol): made and parsed."""

from collections.abc import Iterable

from guardian.common.wireguard.device import Look, Peer, Seen, WireGuardError, endpoint_text
from guardian.common.wireguard.keys import SIZE, public_of

# 10,000 peers are about 4 MB.
MAX_ANSWER = 16 << 20


def set_key(private: bytes, port: int) -> str:
    """A `set` of this end."""
    lines = [f"private_key={private.hex()}"]
    if port:
        lines.append(f"listen_port={port}")
    return _set(lines)


def put(peer: Peer) -> str:
    """A `set` of one peer."""
    lines = [f"public_key={peer.public.hex()}"]
    if peer.endpoint is not None:
        lines.append(f"endpoint={endpoint_text(*peer.endpoint)}")
    lines += [f"persistent_keepalive_interval={peer.keepalive}", "replace_allowed_ips=true"]
    lines += [f"allowed_ip={network}" for network in peer.allowed]
    return _set(lines)


def remove(public: bytes) -> str:
    """A `set` that takes one peer away."""
    return _set([f"public_key={public.hex()}", "remove=true"])


GET = "get=1\n\n"


def _set(lines: Iterable[str]) -> str:
    return "\n".join(["set=1", *lines, "", ""])


def parse(answer: bytes) -> Look:
    """An answer to `get` (one to `set` is empty); WireGuardError when the driver refused or talks nonsense."""
    own: dict[str, str] = {}
    peers: dict[bytes, dict[str, str]] = {}
    allowed: dict[bytes, set[str]] = {}
    current: bytes | None = None
    errno: str | None = None
    try:
        for line in answer.decode("ascii").splitlines():
            key, equals, value = line.partition("=")
            if key == "public_key":
                current = _key(value)
                peers[current], allowed[current] = {}, set()
            elif key == "errno":
                errno = value
            elif key == "allowed_ip" and current is not None:
                allowed[current].add(value)
            elif equals:
                (own if current is None else peers[current])[key] = value
        if errno is None:
            raise ValueError("no errno")
        seen = {public: _seen(public, fields, allowed[public]) for public, fields in peers.items()}
        public = public_of(_key(own["private_key"])) if "private_key" in own else b""
        look = Look(public, int(own.get("listen_port", "0")), seen)
    except ValueError as error:
        raise WireGuardError("wireguard-go's answer is not understood.", reason="wireguard_driver") from error
    if int(errno) != 0:
        raise WireGuardError(f"wireguard-go refused (errno {int(errno)}).", reason="wireguard_refused")
    return look


def _seen(public: bytes, fields: dict[str, str], allowed: set[str]) -> Seen:
    seconds, fraction = int(fields.get("last_handshake_time_sec", "0")), fields.get("last_handshake_time_nsec", "0")
    return Seen(
        public,
        fields.get("endpoint", ""),
        seconds + int(fraction) / 1e9,
        int(fields.get("rx_bytes", "0")),
        int(fields.get("tx_bytes", "0")),
        frozenset(allowed),
    )


def _key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != SIZE:
        raise ValueError("key")
    return key
