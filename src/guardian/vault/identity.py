"""The two key pairs of a member or an edge: Ed25519 signs, X-Wing receives. Private keys are 32-byte seeds."""

from functools import cached_property
from pathlib import Path
from secrets import token_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from guardian.common import secrets
from guardian.vault import hpke
from guardian.vault.errors import VaultError

SIGN_FILE = "sign.key"
RECEIVE_FILE = "receive.key"
SIGNATURE_SIZE = 64


class Keys:
    """Private keys of one member or edge. Never printed: its repr shows the class alone."""

    def __init__(self, sign_seed: bytes, receive_seed: bytes) -> None:
        # Who only signs is given no receiving seed: an edge's cameras cannot open what members send it.
        if len(sign_seed) != 32 or len(receive_seed) not in (0, 32):
            raise VaultError("encoding", "seed")
        self._sign_seed = sign_seed
        self._receive_seed = receive_seed

    @classmethod
    def generate(cls) -> "Keys":
        """Fresh keys."""
        return cls(token_bytes(32), token_bytes(32))

    @classmethod
    def load(cls, folder: Path) -> "Keys":
        """An edge's keys: secrets `sign.key` and `receive.key`, in its identity folder where a unit loads none.

        A daemon that is given the first alone has keys that sign and open nothing.
        """
        try:
            sign = secrets.read(SIGN_FILE, folder)
            try:
                receive = secrets.read(RECEIVE_FILE, folder)
            except secrets.SecretError as error:
                if error.reason != "secret_missing":
                    raise
                receive = b""
        except secrets.SecretError as error:
            raise VaultError("seed_unreadable", error.sentence.rstrip("."), hint=error.hint) from error
        return cls(sign, receive)

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
