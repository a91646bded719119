"""Where a secret is: the service manager's credentials where the unit loads it, else the folder it belongs to."""

import os
from collections.abc import Mapping
from pathlib import Path

from guardian.common.errors import GuardianError
from guardian.common.files import read_plain

MAX_BYTES = 64 << 10
_VARIABLE = "CREDENTIALS_DIRECTORY"


class SecretError(GuardianError):
    """A secret that is not there or cannot be read."""


def find(name: str, folder: Path, environ: Mapping[str, str] | None = None) -> Path:
    """The file of secret `name`: `$CREDENTIALS_DIRECTORY/NAME` when there is one, else `FOLDER/NAME`."""
    loaded = credentials(environ)
    # A unit gives an empty line where there is no such secret yet.
    if loaded is not None and (loaded / name).is_file() and (loaded / name).stat().st_size > 1:
        return loaded / name
    return folder / name


def read(name: str, folder: Path, environ: Mapping[str, str] | None = None) -> bytes:
    """The secret's bytes; SecretError `secret_missing` or `secret_unreadable`. The sentence holds no byte of it."""
    path = find(name, folder, environ)
    try:
        return read_plain(path, MAX_BYTES)
    except FileNotFoundError:
        raise SecretError(
            f"There is no secret {name}.",
            reason="secret_missing",
            hint=f"It is expected at {path}, or as a credential of the unit.",
        ) from None
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}.", reason="secret_unreadable") from error


def credentials(environ: Mapping[str, str] | None = None) -> Path | None:
    """The folder of this unit's credentials; None where the service manager gave none, as in the demo."""
    text = (os.environ if environ is None else environ).get(_VARIABLE, "")
    return Path(text) if text.startswith("/") else None
