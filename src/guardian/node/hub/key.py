"""The hub's key: made here at the first start, then a secret like any other."""

from pathlib import Path

from guardian.common import log, secrets
from guardian.common.errors import StoreError
from guardian.common.files import private_folder, write_atomic
from guardian.common.handover import offer
from guardian.common.wireguard import keys

NAME = "wireguard.key"
WRITER = "hub"
_log = log.get(__name__)


def load_or_make(state_dir: Path) -> bytes:
    """The private key. A new one is durable before anybody hears of it: edges are told its other half."""
    folder = private_folder(state_dir / WRITER, mode=0o750)
    handed = offer.is_wanted(state_dir, WRITER)
    # Handed over and not taken yet: the key is there and nowhere else.
    place = offer.folder_of(state_dir, WRITER) if handed and offer.is_waiting(state_dir, WRITER) else folder
    try:
        private = secrets.read(NAME, place)
    except secrets.SecretError as error:
        if error.reason != "secret_missing":
            raise
        return _make(state_dir, folder, handed)
    if len(private) != keys.SIZE:
        raise StoreError(
            "The hub's key is damaged.",
            reason="key_damaged",
            hint="Restore it from a backup: with a new key every edge has to be enrolled again.",
        )
    return private


def _make(state_dir: Path, folder: Path, handed: bool) -> bytes:
    private = keys.new_private()
    if handed:
        offer.lay(state_dir, WRITER, {NAME: private})
        offer.close(state_dir, WRITER)
    else:
        write_atomic(folder / NAME, private)
    _log.info("hub_key_made")
    return private
