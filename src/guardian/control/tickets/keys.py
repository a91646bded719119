"""The key that signs tickets: made once, in a file; its public half goes to the nodes."""

import base64
import fcntl
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from guardian.common.errors import StoreError
from guardian.common.files import private_folder, write_atomic

_PRIVATE = "sign.key"
_PUBLIC = "public.keys"


def load_signer(state_dir: Path) -> Ed25519PrivateKey:
    """The private key; made at the first start of whichever daemon comes first."""
    folder = _ensure(state_dir)
    try:
        return Ed25519PrivateKey.from_private_bytes((folder / _PRIVATE).read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable(folder / _PRIVATE) from error


def load_public(state_dir: Path) -> list[bytes]:
    """Public keys tickets may be signed by, 32 bytes each; one in base64 a line, the newest first."""
    path = state_dir / "tickets" / _PUBLIC
    if not path.exists():
        # Where daemons are users of their own only the API may make it: until then this one is tried again.
        _ensure(state_dir)
    try:
        keys = [base64.b64decode(line, validate=True) for line in path.read_text("ascii").split()]
        for key in keys:
            Ed25519PublicKey.from_public_bytes(key)
    except (OSError, ValueError) as error:
        raise _unusable(path) from error
    return keys


def _ensure(state_dir: Path) -> Path:
    # Others of the group read the public file; the private one has its own mode.
    try:
        folder = private_folder(state_dir / "tickets", mode=0o750)
    except OSError as error:
        raise _unusable(state_dir / "tickets") from error
    # Both daemons may start at once: the first makes the key, the second waits and finds it.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not (folder / _PUBLIC).exists():
            key = Ed25519PrivateKey.generate()
            write_atomic(folder / _PRIVATE, key.private_bytes_raw())
            line = base64.b64encode(key.public_key().public_bytes_raw()) + b"\n"
            write_atomic(folder / _PUBLIC, line, mode=0o640)
    finally:
        os.close(descriptor)
    return folder


def _unusable(path: Path) -> StoreError:
    return StoreError(
        f"The ticket key {path} cannot be used.",
        reason="ticket_key_unusable",
        hint="Restore it from a backup, or remove the folder: a new key is made, and nodes soon hear of it.",
    )
