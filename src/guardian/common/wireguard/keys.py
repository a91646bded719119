"""WireGuard's keys: X25519, made on the machine that uses them."""

import base64

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

SIZE = 32


def new_private() -> bytes:
    """A private key, 32 bytes."""
    return X25519PrivateKey.generate().private_bytes_raw()


def public_of(private: bytes) -> bytes:
    """Its public key, 32 bytes; ValueError for what is no key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def text(key: bytes) -> str:
    """As `wg` shows it."""
    return base64.b64encode(key).decode("ascii")
