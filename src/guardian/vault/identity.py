"""The two key pairs of a member or an edge: Ed25519 signs, X-Wing receives. Private keys are 32-byte seeds."""

import secrets
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from guardian.vault import hpke
from guardian.vault.errors import VaultError

SIGN_FILE = "sign.key"
RECEIVE_FILE = "receive.key"
SIGNATURE_SIZE = 64


class Keys:
    """Private keys of one member or edge. Never printed: its repr shows the class alone."""

    def __init__(self, sign_seed: bytes, receive_seed: bytes) -> None:
        if len(sign_seed) != 32 or len(receive_seed) != 32:
            raise VaultError("encoding", "seed")
        self._sign_seed = sign_seed
        self._receive_seed = receive_seed

    @classmethod
    def generate(cls) -> "Keys":
        """Fresh keys."""
        return cls(secrets.token_bytes(32), secrets.token_bytes(32))

    @classmethod
    def load(cls, folder: Path) -> "Keys":
        """An edge's keys from its identity folder (`sign.key`, `receive.key`)."""
        try:
            return cls((folder / SIGN_FILE).read_bytes(), (folder / RECEIVE_FILE).read_bytes())
        except OSError as error:
            raise VaultError("seed_unreadable", error.strerror or "", hint=f"Look at {folder}.") from error

    def seeds(self) -> tuple[bytes, bytes]:
        """Sign seed and receive seed, for whoever writes them to a slot or an identity folder."""
        return self._sign_seed, self._receive_seed

    @cached_property
    def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._sign_seed)

    @cached_property
    def sign_public(self) -> bytes:
        """Ed25519 public key, 32 bytes."""
        return self._signer.public_key().public_bytes_raw()

    @cached_property
    def receive_public(self) -> bytes:
        """X-Wing public key, 1,216 bytes."""
        return hpke.public_key(self._receive_seed)

    def sign(self, message: bytes) -> bytes:
        """Sign a message that begins with its own domain (`guardian/…/v1\\0`)."""
        return self._signer.sign(message)

    def open_sealed(self, sealed: hpke.Sealed, info: bytes, *, reason: str = "wrong_key") -> bytes:
        """Open what was sealed to `receive_public`."""
        return hpke.open_(self._receive_seed, sealed, info, reason=reason)

    def __repr__(self) -> str:
        return "Keys(…)"


def verify(sign_public: bytes, message: bytes, signature: bytes) -> None:
    """Refuse (`bad_signature`) a signature that is not the key's over `message`."""
    try:
        Ed25519PublicKey.from_public_bytes(sign_public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise VaultError("bad_signature") from None
