"""Bundles of random bytes, signed by a key made here, and a node's shelf with them on it."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.common import bundle, seed_image
from guardian.node.updates import shelf
from guardian.node.updates.rollout import Bundle

CREATED = "2026-11-27T12:00:00Z"


@dataclass
class Maker:
    """Whoever makes images: a key, and a folder for what is made."""

    folder: Path
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def trusted_in(self, folder: Path) -> Path:
        """The folder, in which a machine finds this maker's public key."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "maker.pub").write_text(seed_image.public_line(self.public))
        return folder

    def make(self, version: str, size: int = 100_000, kind: str = "") -> Path:
        """A bundle whose parts are `size` bytes; of the kind that an edge on this machine takes, unless one is said."""
        kind = kind or bundle.kind_of("edge")
        parts = {"system.squashfs": self.folder / "system", "vmlinuz": self.folder / "kernel"}
        parts["system.squashfs"].write_bytes(os.urandom(size - 100))
        parts["vmlinuz"].write_bytes(os.urandom(100))
        target = self.folder / f"{version}-{kind}.update"
        bundle.make(target, kind, version, CREATED, parts, self.key)
        return target

    def lay(self, state_dir: Path, version: str, size: int = 100_000, **channels: int) -> Bundle:
        """Make one and add it to a node, for all of channel stable unless said otherwise."""
        with shelf.writing(shelf.folder_of(state_dir)) as writer:
            return writer.add(self.make(version, size), [self.public], channels or {"stable": 100})
