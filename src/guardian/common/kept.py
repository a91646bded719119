"""What an enrolment holds until it is whole, in `STATE/enroll/kept.json`: the keys it made, then the answer to them.

A machine that dies half way goes on from here with the same keys: the issuer knows them, and answers them again.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from guardian.common.config import Section
from guardian.common.errors import StoreError
from guardian.common.files import private_folder, sync_directory, write_atomic
from guardian.common.handover import offer
from guardian.common.handover.table import TLS
from guardian.common.tokens import Token, secret_hash

WRITER, SEED = "enroll", "seed"
IDENTITY = "identity"
_FILE = "kept.json"
_MAX_BYTES = 256 << 10
_Hex = Annotated[str, Field(pattern=r"\A([0-9a-f]{2})*\z")]


class PublicFile(Section):
    """A file of `STATE/identity`; empty: there is to be none."""

    name: Annotated[str, Field(pattern=r"\A[a-z][a-z_.]*\z")]
    text: str
    mode: int = 0o640


@dataclass(frozen=True)
class Parts:
    """All that an identity is made of. `files` are written in their order: the last says that it is whole.

    `mode` is that of secrets where no root takes them over.
    """

    secrets: Mapping[str, bytes]
    files: tuple[PublicFile, ...]
    mode: int = 0o600


class _Kept(Section):
    """`token` is a hash. `files` is empty until there was an answer; of what is `whole` no secret is left here."""

    token: _Hex
    secrets: dict[str, _Hex]
    files: tuple[PublicFile, ...] = ()
    mode: int = 0o600
    whole: bool = False

    def bytes_of(self) -> dict[str, bytes]:
        return {name: bytes.fromhex(text) for name, text in self.secrets.items()}


def resume(state_dir: Path, token: Token) -> dict[str, bytes] | None:
    """Finish what an earlier run was answered and did not bring to its end; its secrets if it was for this token."""
    found = _load(state_dir)
    if found is None or not (found.files or found.whole):
        return None
    mine = found.token == _name(token)
    if not found.whole:
        _settle(state_dir, found, mine=mine)
        return found.bytes_of() if mine else None
    if not offer.is_wanted(state_dir, WRITER):
        return None
    laid = offer.laid(state_dir, WRITER)
    # Nothing is there: root has taken it.
    if TLS not in laid:
        return None
    if not offer.is_waiting(state_dir, WRITER):
        offer.close(state_dir, WRITER, [SEED] if mine else [])
    return laid if mine else None


def secrets_for(state_dir: Path, token: Token, fresh: Mapping[str, bytes]) -> dict[str, bytes]:
    """The secrets this token is to be spent with: those kept for it, else `fresh`, which are durable from here on."""
    found = _load(state_dir)
    if found is not None and found.token == _name(token) and not found.whole and found.secrets.keys() == fresh.keys():
        return found.bytes_of()
    _save(state_dir, _Kept(token=_name(token), secrets=_text(fresh)))
    return dict(fresh)


def settle(state_dir: Path, token: Token, parts: Parts) -> None:
    """The token was answered: keep that, then put all of it where it belongs."""
    kept = _Kept(token=_name(token), secrets=_text(parts.secrets), files=parts.files, mode=parts.mode)
    _save(state_dir, kept)
    _settle(state_dir, kept, mine=True)


def forget(state_dir: Path) -> None:
    """The token is dead: its keys are nobody's. What was answered before is put in place first, by `resume`."""
    if _path(state_dir).exists():
        _save(state_dir, _Kept(token="", secrets={}))


def put(state_dir: Path, parts: Parts) -> None:
    """Secrets first, to the handover where this host has one; the file that says it is whole last, over the old one."""
    folder = private_folder(state_dir / IDENTITY, mode=0o750)
    if offer.is_wanted(state_dir, WRITER):
        offer.lay(state_dir, WRITER, parts.secrets)
    else:
        for name, data in parts.secrets.items():
            write_atomic(folder / name, data, mode=parts.mode)
    for file in parts.files:
        if file.text:
            write_atomic(folder / file.name, file.text.encode(), mode=file.mode)
        elif (folder / file.name).exists():
            (folder / file.name).unlink()
            sync_directory(folder)


def _settle(state_dir: Path, kept: _Kept, *, mine: bool) -> None:
    put(state_dir, Parts(kept.bytes_of(), kept.files, kept.mode))
    # Before root is called: once it has taken all, nobody would come by here to wipe the keys.
    _save(state_dir, _Kept(token=kept.token, secrets={}, whole=True))
    if offer.is_wanted(state_dir, WRITER):
        offer.close(state_dir, WRITER, [SEED] if mine else [])


def _name(token: Token) -> str:
    return secret_hash(token.secret).hex()


def _text(secrets: Mapping[str, bytes]) -> dict[str, str]:
    return {name: data.hex() for name, data in secrets.items()}


def _path(state_dir: Path) -> Path:
    return state_dir / WRITER / _FILE


def _load(state_dir: Path) -> _Kept | None:
    path = _path(state_dir)
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise ValueError("size")
        return _Kept.model_validate_json(raw)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.", reason="store_unreadable") from error
    except (ValidationError, ValueError):
        # No cause: it would quote keys.
        raise StoreError(
            f"{path} is not what enrolment wrote.",
            reason="enrol_damaged",
            hint="Remove it and enrol with a new token; an edge its node lists twice is let go by its id.",
        ) from None


def _save(state_dir: Path, kept: _Kept) -> None:
    path = _path(state_dir)
    private_folder(path.parent, mode=0o750)
    try:
        before = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        before = -1
    try:
        write_atomic(path, kept.model_dump_json().encode())
        if os.geteuid() == 0:
            # A run by hand must leave it to the daemon.
            os.chown(path, path.parent.stat().st_uid, -1, follow_symlinks=False)
        if before >= 0:
            os.write(before, bytes(os.fstat(before).st_size))
            os.fsync(before)
    finally:
        if before >= 0:
            os.close(before)
