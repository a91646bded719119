"""HPKE (RFC 9180, base mode) with X-Wing: a thin layer over `cryptography`, whose primitives it uses as they come."""

import hashlib
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from guardian.vault.errors import VaultError

SEED_SIZE = 32
PUBLIC_SIZE = 1216
ENC_SIZE = 1120
_MLKEM_PUBLIC_SIZE = 1184


@dataclass(frozen=True)
class Sealed:
    """One HPKE message: encapsulation and ciphertext."""

    enc: bytes
    ct: bytes


@cache
def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def _keys(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    # X-Wing's own expansion of its seed: 64 bytes for ML-KEM, 32 for X25519.
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


def public_key(seed: bytes) -> bytes:
    """The 1,216-byte public key of a 32-byte seed."""
    if len(seed) != SEED_SIZE:
        raise VaultError("encoding", "seed")
    mlkem, x25519 = _keys(seed)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def seal(public: bytes, plaintext: bytes, info: bytes) -> Sealed:
    """Seal `plaintext` to `public`; what it is bound to stands in `info`."""
    if len(public) != PUBLIC_SIZE:
        raise VaultError("encoding", "public key")
    try:
        key = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC_SIZE]),
            X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC_SIZE:]),
        )
        message = _suite().encrypt(plaintext, key, info)
    except ValueError:
        raise VaultError("encoding", "public key") from None
    return Sealed(message[:ENC_SIZE], message[ENC_SIZE:])


def open_(seed: bytes, sealed: Sealed, info: bytes, *, reason: str = "wrong_key") -> bytes:
    """Open what was sealed to the key of `seed` with the same `info`."""
    if len(seed) != SEED_SIZE or len(sealed.enc) != ENC_SIZE:
        raise VaultError("encoding", "encapsulation")
    try:
        return _suite().decrypt(sealed.enc + sealed.ct, MLKEM768X25519PrivateKey(*_keys(seed)), info)
    except (InvalidTag, ValueError):
        raise VaultError(reason) from None
