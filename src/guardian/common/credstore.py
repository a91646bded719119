"""The host's encrypted credential store: secrets bound to this machine, each written whole or not at all."""

import contextlib
import os
import re
import subprocess
from pathlib import Path

from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, sync_directory

STORE = Path("/etc/credstore.encrypted")
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
_SECONDS = 60.0


class CredentialError(GuardianError):
    """A secret that could not be put into the store."""


def path_of(name: str, store: Path = STORE) -> Path:
    """Where secret `name` lies, encrypted."""
    if not _NAME.fullmatch(name):
        raise CredentialError("A secret's name is a plain word.", reason="credential_name")
    return store / f"guardian.{name}"


def put(name: str, secret: bytes, store: Path = STORE) -> None:
    """Encrypt to this machine and replace what was there, durably. The secret goes through a pipe."""
    path = path_of(name, store)
    aside = path.with_name(f".{path.name}.new")
    try:
        private_folder(store)
        aside.unlink(missing_ok=True)
        done = subprocess.run(
            ["systemd-creds", "encrypt", f"--name={name}", "-", str(aside)],
            input=secret,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().replace("\n", " ")[:300]
            raise _failed(name, said)
        descriptor = os.open(aside, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fchmod(descriptor, 0o600)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(aside, path)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(name, str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
    sync_directory(store)


def remove(name: str, store: Path = STORE) -> None:
    """Take a secret out of the store; nothing happens when it is not there."""
    path = path_of(name, store)
    if path.exists():
        wipe(path)


def wipe(path: Path) -> None:
    """Overwrite a file, sync, remove it, sync: where the disk keeps old blocks (flash), its encryption must help."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        left = os.fstat(descriptor).st_size
        while left > 0:
            left -= os.write(descriptor, bytes(min(left, 1 << 16)))
        os.fsync(descriptor)
        os.ftruncate(descriptor, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.unlink()
    sync_directory(path.parent)


def _failed(name: str, said: str) -> CredentialError:
    return CredentialError(
        f"The secret {name} could not be put into the credential store: {said}",
        reason="credential_failed",
        hint="Look at `systemd-creds` and the disk; it is tried again at the next start.",
    )
