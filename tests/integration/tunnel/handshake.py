"""The first message of a WireGuard handshake (Noise IKpsk2), so that a test can date it as it likes."""

import asyncio
import hashlib
import hmac
import secrets
import struct
import subprocess
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from tests.integration.tunnel.wires import Host

_CONSTRUCTION = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
_IDENTIFIER = b"WireGuard v1 zx2c4 Jason@zx2c4.com"
_INITIATION = 1
# TAI is ahead of UTC, and labels count from 2**62.
_TAI64 = 2**62 + 10


def _hash(*parts: bytes) -> bytes:
    return hashlib.blake2s(b"".join(parts)).digest()


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.blake2s).digest()


def _derive(key: bytes, data: bytes, count: int) -> list[bytes]:
    secret, last, found = _mac(key, data), b"", []
    for number in range(1, count + 1):
        last = _mac(secret, last + bytes([number]))
        found.append(last)
    return found


def initiation(private: bytes, hub: bytes, moment: float) -> bytes:
    """As an edge with this key would send it, were it `moment` (Unix time) now."""
    own, ephemeral = X25519PrivateKey.from_private_bytes(private), X25519PrivateKey.generate()
    public, fresh = own.public_key().public_bytes_raw(), ephemeral.public_key().public_bytes_raw()
    other = X25519PublicKey.from_public_bytes(hub)
    chain = _hash(_CONSTRUCTION)
    transcript = _hash(_hash(chain, _IDENTIFIER), hub)
    (chain,) = _derive(chain, fresh, 1)
    transcript = _hash(transcript, fresh)
    chain, key = _derive(chain, ephemeral.exchange(other), 2)
    static = ChaCha20Poly1305(key).encrypt(bytes(12), public, transcript)
    transcript = _hash(transcript, static)
    chain, key = _derive(chain, own.exchange(other), 2)
    stamp = struct.pack(">QI", _TAI64 + int(moment), 0)
    sealed = ChaCha20Poly1305(key).encrypt(bytes(12), stamp, transcript)
    message = struct.pack("<II", _INITIATION, secrets.randbits(32)) + fresh + static + sealed
    first = hashlib.blake2s(message, digest_size=16, key=_hash(b"mac1----", hub)).digest()
    return message + first + bytes(16)


async def from_the_future(edge: Host, private: bytes, hub: bytes, where: tuple[str, int], moment: float) -> bool:
    """Send one from an edge's host; whether the hub answered it."""
    code = (
        "import socket, sys\n"
        "line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "line.settimeout(3)\n"
        f"line.sendto(bytes.fromhex(sys.argv[1]), {where!r})\n"
        "sys.stdout.write(line.recv(256).hex())\n"
    )
    command = edge.inside(sys.executable, "-c", code, initiation(private, hub, moment).hex())
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    # A response is message 2 of 92 bytes.
    return done.returncode == 0 and done.stdout.startswith("02000000") and len(done.stdout) == 184
