"""The update: what a slot holds, as one signed file for machines that were made from an image before."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tools.image.slot import Slot
from tools.lab.places import Refused

from guardian.appliance import layout
from guardian.common import bundle


def make(slot: Slot, target: Path, tier: str, version: str, key: Path) -> None:
    """Sign a slot's files; `key` holds the 32 bytes that `guardian image key` made."""
    try:
        signer = Ed25519PrivateKey.from_private_bytes(key.read_bytes())
    except (OSError, ValueError):
        raise Refused(f"{key} is no key that signs updates: `guardian image key NAME.key` makes one.") from None
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    parts = {layout.SYSTEM: slot.system, **slot.starters}
    bundle.make(target, tier, version, created, parts, signer)
