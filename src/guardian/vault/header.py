"""The header of a sealed object: what anyone may see, and, sealed, whose it is and what it shows."""

import hashlib
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AfterValidator, Field, model_validator

from guardian.vault import hpke, identity
from guardian.vault.encoding import Hex16, Int, One, Text, Time, Wire, from_hex, parse, plain_text
from guardian.vault.errors import VaultError
from guardian.vault.roster import Roster

MAGIC = b"GDNSEAL1"
VERSION = 1
SUITE = 1
PREFIX = 36
FIXED = PREFIX + hpke.ENC_SIZE + 48
SIGNATURE_CT = 80
MAC_SIZE = 32
STEP = 256
MIN_META, MAX_META = 272, 65_296
MIN_SIZE = FIXED + MIN_META + SIGNATURE_CT + MAC_SIZE

_PREFIX = struct.Struct(">8sBBHI16sI")
_NONCE_META = bytes(12)
_NONCE_SIGNATURE = bytes(11) + b"\x01"

Kind = Literal["clip", "snapshot", "thumbnail"]


class Metadata(Wire):
    """What the header holds sealed."""

    v: One = 1
    household: Hex16
    edge: Hex16
    camera: Text
    kind: Kind
    start: Time
    media: Literal["video/mp4", "image/jpeg"]
    codec: Annotated[str, Field(strict=True, max_length=64), AfterValidator(plain_text)] = ""
    timescale: Annotated[Int, Field(ge=1)] = 1
    width: Int
    height: Int
    pre_capture_ms: Int = 0

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        clip = self.kind == "clip"
        if clip != (self.media == "video/mp4") or clip != bool(self.codec) or (not clip and self.timescale != 1):
            raise ValueError("kind, media, codec and timescale do not fit")
        return self


@dataclass(frozen=True)
class Prefix:
    """What anyone may read of a header."""

    epoch: int
    object_id: str
    meta_size: int

    @property
    def size(self) -> int:
        """Size of the whole header."""
        return FIXED + self.meta_size + SIGNATURE_CT + MAC_SIZE

    @classmethod
    def read(cls, data: bytes) -> "Prefix":
        """The public fields of the first bytes of an object of at least `MIN_SIZE` bytes."""
        if len(data) < PREFIX:
            raise VaultError("too_short")
        magic, version, suite, zero, epoch, object_id, meta_size = _PREFIX.unpack(data[:PREFIX])
        if magic != MAGIC:
            raise VaultError("not_sealed")
        if version != VERSION or suite != SUITE:
            raise VaultError("unsupported")
        if zero or not epoch or not MIN_META <= meta_size <= MAX_META or (meta_size - 16) % STEP:
            raise VaultError("header_malformed")
        return cls(epoch, object_id.hex(), meta_size)

    def write(self) -> bytes:
        """The first 36 bytes."""
        return _PREFIX.pack(MAGIC, VERSION, SUITE, 0, self.epoch, bytes.fromhex(self.object_id), self.meta_size)


@dataclass(frozen=True)
class Header:
    """An opened or freshly made header, with the key of the parts that follow it."""

    prefix: Prefix
    metadata: Metadata
    hash: bytes
    part_key: AESGCM


@dataclass(frozen=True)
class Expected:
    """What the opener asked for; None: does not know."""

    edge: str
    object_id: str | None = None
    camera: str | None = None
    kind: Kind | None = None


class _Keys:
    def __init__(self, object_key: bytes, object_id: bytes) -> None:
        def derive(name: bytes) -> bytes:
            return HKDF(SHA256(), 32, object_id, b"guardian/" + name + b"/v1").derive(object_key)

        self.header = AESGCM(derive(b"header-key"))
        self.mac = derive(b"header-mac")
        self.part = AESGCM(derive(b"part-key"))

    def hmac(self, data: bytes) -> HMAC:
        mac = HMAC(self.mac, SHA256())
        mac.update(data)
        return mac


def make(
    metadata: Metadata, epoch: int, vault_public: bytes, keys: identity.Keys, object_id: str | None = None
) -> tuple[bytes, Header]:
    """A fresh header, sealed to the vault's public key and signed by the edge."""
    text = metadata.to_json()
    text += b" " * (-len(text) % STEP)
    raw_id = secrets.token_bytes(16) if object_id is None else from_hex(object_id, 16)
    prefix = Prefix(epoch, raw_id.hex(), len(text) + 16)
    object_key = secrets.token_bytes(32)
    start = prefix.write()
    wrap = hpke.seal(vault_public, object_key, _info(metadata.household, metadata.edge, start))
    derived = _Keys(object_key, raw_id)
    fixed = start + wrap.enc + wrap.ct
    body = fixed + derived.header.encrypt(_NONCE_META, text, fixed)
    body += derived.header.encrypt(_NONCE_SIGNATURE, keys.sign(_signed(body)), fixed)
    data = body + derived.hmac(body).finalize()
    return data, Header(prefix, metadata, hashlib.sha256(data).digest(), derived.part)


def open_header(data: bytes, roster: Roster, epochs: Mapping[int, bytes], expected: Expected) -> Header:
    """Open a whole header; the checks stand in the order of docs/vault-format.md."""
    prefix = Prefix.read(data)
    if len(data) != prefix.size:
        raise VaultError("too_short")
    if expected.object_id not in (None, prefix.object_id):
        raise VaultError("wrong_object", "id")
    edge = roster.edge(expected.edge)
    seed = epochs.get(prefix.epoch)
    if seed is None:
        raise VaultError("epoch_unknown", f"epoch {prefix.epoch}")
    wrap = hpke.Sealed(data[PREFIX : PREFIX + hpke.ENC_SIZE], data[PREFIX + hpke.ENC_SIZE : FIXED])
    object_key = hpke.open_(seed, wrap, _info(roster.household, edge.id, data[:PREFIX]))
    derived = _Keys(object_key, bytes.fromhex(prefix.object_id))
    metadata, signature = _open_sealed(data, prefix, derived)
    if (
        (metadata.household, metadata.edge) != (roster.household, edge.id)
        or expected.camera not in (None, metadata.camera)
        or expected.kind not in (None, metadata.kind)
    ):
        raise VaultError("wrong_object")
    identity.verify(edge.sign, _signed(data[: FIXED + prefix.meta_size]), signature)
    return Header(prefix, metadata, hashlib.sha256(data).digest(), derived.part)


def _open_sealed(data: bytes, prefix: Prefix, keys: _Keys) -> tuple[Metadata, bytes]:
    fixed, end = data[:FIXED], FIXED + prefix.meta_size
    try:
        keys.hmac(data[:-MAC_SIZE]).verify(data[-MAC_SIZE:])
        text = keys.header.decrypt(_NONCE_META, data[FIXED:end], fixed)
        signature = keys.header.decrypt(_NONCE_SIGNATURE, data[end:-MAC_SIZE], fixed)
    except (InvalidSignature, InvalidTag):
        raise VaultError("header_damaged") from None
    return parse(Metadata, text.rstrip(b" "), "header_damaged"), signature


def _signed(data: bytes) -> bytes:
    return b"guardian/header/v1\0" + hashlib.sha256(data).digest()


def _info(household: str, edge: str, start: bytes) -> bytes:
    return b"guardian/object/v1\0" + bytes.fromhex(household) + bytes.fromhex(edge) + start
