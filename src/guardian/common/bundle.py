"""An update as one signed file: a system for the other slot, or a release to lie beside, with all that says what it is.

`magic (16) || manifest's length (4) || key id (8) || Ed25519 signature (64) || manifest || the parts, in its order`,
numbers big-endian. The manifest is JSON: `{"format": 1, "kind", "version", "created", "parts": [{"name", "size",
"sha256"}]}`. The signature covers `guardian/update/v1\\0 || SHA-256 of the manifest`, so that whoever holds the head
knows what each later byte must be; a key's id is the beginning of its SHA-256. Keys lie in a folder as seeds' do.
"""

import hashlib
import json
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from guardian.common.errors import GuardianError
from guardian.common.seed_region import key_id

# Whole systems, for machines that run from a slot of our image; releases, for hosts that were installed otherwise.
KINDS = ("edge", "node", "edge-release", "node-release")
# There alone where a machine runs from a slot.
SLOT = Path("/run/image/slot")
# A channel's name: what an edge follows, and what a node rolls out in.
CHANNEL = r"^[a-z][a-z0-9-]{0,31}$"
BLOCK = 1 << 20
_MAGIC = b"guardian-update\x01"
_CONTEXT = b"guardian/update/v1\0"
_HEAD = struct.Struct(">16sI8s64s")
_MAX_MANIFEST = 16 << 10
# Whoever has this many bytes of a bundle's beginning has its head.
MAX_HEAD = _HEAD.size + _MAX_MANIFEST
_MAX_PARTS = 16
_MAX_PART = 4 << 30
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CREATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:\.dev(\d{1,6}))?", re.ASCII)


class BundleError(GuardianError):
    """A bundle that is damaged, of somebody who is not trusted, or not what it should be."""


@dataclass(frozen=True)
class Part:
    """One file of it; `size` in bytes, `sha256` in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a bundle says it is; `kind` is the tier whose system or release it holds, `created` RFC 3339 UTC."""

    kind: str
    version: str
    created: str
    parts: tuple[Part, ...]

    @property
    def payload_size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)


def kind_of(tier: str, slot: Path = SLOT) -> str:
    """Which bundles a machine of this tier takes: whole systems where it runs from a slot, releases elsewhere."""
    return tier if slot.exists() else f"{tier}-release"


def order(version: str) -> tuple[int, int, int, int, int]:
    """A version such as 1.2.0 or 1.2.0.dev3 to be compared: a larger one is newer; BundleError for anything else."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise _malformed(f"{version[:40]!r} is not a version like 1.2.0")
    major, minor, patch = (int(found[number]) for number in (1, 2, 3))
    return major, minor, patch, int(found[4] is None), int(found[4] or 0)


def read_manifest(file: BinaryIO, keys: Iterable[bytes]) -> tuple[Manifest, int]:
    """The manifest and where the parts begin, in bytes; BundleError `bundle_foreign` unless one of `keys` signed it.

    Args:
        file: at the bundle's beginning; at the parts' afterwards.
        keys: public keys, 32 bytes each.
    """
    head = file.read(_HEAD.size)
    if len(head) != _HEAD.size or not head.startswith(_MAGIC):
        raise _malformed("it does not begin as one does")
    _, length, named, signature = _HEAD.unpack(head)
    if not 0 < length <= _MAX_MANIFEST:
        raise _malformed("its head is too large")
    raw = file.read(length)
    if len(raw) != length:
        raise _malformed("it ends within its head")
    if not any(named == key_id(key) and _holds(key, signature, raw) for key in keys):
        raise BundleError(
            "Nobody who is trusted here has signed this update.",
            reason="bundle_foreign",
            hint="Take the update from who makes your images, or give this machine their public key.",
        )
    return _parse(raw), _HEAD.size + length


def verify(file: BinaryIO, keys: Iterable[bytes], tell: Callable[[float], None] = lambda _: None) -> Manifest:
    """Read every byte; BundleError when one of them is wrong or there is one too many. `tell` gets 0 to 1."""
    manifest, _ = read_manifest(file, keys)
    done = 0
    for part in manifest.parts:
        for block in blocks(file, part):
            done += len(block)
            tell(done / manifest.payload_size)
    if file.read(1):
        raise _damaged()
    return manifest


def blocks(file: BinaryIO, part: Part) -> Iterator[bytes]:
    """The bytes of a part, which begins where the file is; the last one comes only when all of them are right."""
    digest, left = hashlib.sha256(), part.size
    while left:
        block = file.read(min(BLOCK, left))
        if not block:
            raise _damaged()
        digest.update(block)
        left -= len(block)
        if not left and digest.hexdigest() != part.sha256:
            raise _damaged()
        yield block


def make(
    target: Path, kind: str, version: str, created: str, parts: Mapping[str, Path], key: Ed25519PrivateKey
) -> Manifest:
    """Write a bundle of these files, in this order."""
    listed = []
    for name, path in parts.items():
        with path.open("rb") as source:
            listed.append(Part(name, path.stat().st_size, hashlib.file_digest(source, "sha256").hexdigest()))
    content = {"format": 1, **asdict(Manifest(kind, version, created, tuple(listed)))}
    raw = json.dumps(content, separators=(",", ":")).encode()
    manifest = _parse(raw)
    signature = key.sign(_CONTEXT + hashlib.sha256(raw).digest())
    with target.open("wb") as file:
        file.write(_HEAD.pack(_MAGIC, len(raw), key_id(key.public_key().public_bytes_raw()), signature) + raw)
        for part in manifest.parts:
            with parts[part.name].open("rb") as source:
                file.writelines(blocks(source, part))
    return manifest


def _holds(key: bytes, signature: bytes, raw: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _CONTEXT + hashlib.sha256(raw).digest())
    except (InvalidSignature, ValueError):
        return False
    return True


def _parse(raw: bytes) -> Manifest:
    """Signed or not, it is read as if a stranger had written it."""
    try:
        content = json.loads(raw)
        if content.pop("format") != 1:
            raise _malformed("it is of a form that this release does not know")
        parts = tuple(Part(**part) for part in content.pop("parts"))
        manifest = Manifest(**content, parts=parts)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _malformed("its manifest is not one") from None
    names = [part.name for part in parts if _is_part(part)]
    if not (0 < len(parts) <= _MAX_PARTS and len(set(names)) == len(parts)):
        raise _malformed("its manifest lists no such parts")
    if manifest.kind not in KINDS or not _is_text(_CREATED, manifest.created) or not isinstance(manifest.version, str):
        raise _malformed("its manifest does not say what it is for")
    order(manifest.version)
    return manifest


def _is_part(part: Any) -> bool:
    fits = type(part.size) is int and 0 < part.size <= _MAX_PART
    return fits and _is_text(_NAME, part.name) and _is_text(_SHA256, part.sha256)


def _is_text(form: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _malformed(why: str) -> BundleError:
    return BundleError(
        f"This is no update: {why}.",
        reason="bundle_malformed",
        hint="Take the file NAME.update as it was published.",
    )


def _damaged() -> BundleError:
    return BundleError(
        "The update is damaged: not every byte of it is as it was signed.",
        reason="bundle_damaged",
        hint="Fetch it again.",
    )
