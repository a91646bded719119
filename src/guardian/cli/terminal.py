"""Secrets from a person's terminal or a program's descriptor; never from arguments or the environment."""

import getpass
import os
import unicodedata

from guardian.common.errors import GuardianError

MIN_LENGTH = 8
_MAX_BYTES = 4096


def ask_secret(prompt: str, descriptor: int | None = None) -> str:
    """One secret: typed without echo, or one line read from `descriptor`."""
    if descriptor is not None:
        return _read_line(descriptor)
    _need_terminal()
    return getpass.getpass(f"{prompt}: ")


def ask_new_secret(descriptor: int | None = None) -> str:
    """A new secret, typed twice; GuardianError when too short or mistyped."""
    if descriptor is not None:
        secret = _read_line(descriptor)
    else:
        _need_terminal()
        secret = getpass.getpass("Choose the vault's secret: ")
    if len(unicodedata.normalize("NFKC", secret)) < MIN_LENGTH:
        raise GuardianError(
            f"That secret has fewer than {MIN_LENGTH} characters.",
            reason="secret_short",
            hint="Whoever gets the key slots can guess at leisure: take several words.",
        )
    if descriptor is None and getpass.getpass("Type it once more: ") != secret:
        raise GuardianError("The two were not the same; nothing was made.", reason="secret_mistyped")
    return secret


def _need_terminal() -> None:
    # Without one getpass would read the secret from stdin with its echo on.
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        raise GuardianError(
            "There is no terminal to ask the secret on.",
            reason="no_terminal",
            hint="A program hands it over with --secret-fd N.",
        ) from None


def _read_line(descriptor: int) -> str:
    data = b""
    try:
        while b"\n" not in data and len(data) <= _MAX_BYTES and (piece := os.read(descriptor, _MAX_BYTES)):
            data += piece
        text = data.split(b"\n", 1)[0].removesuffix(b"\r").decode()
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text or len(data) > _MAX_BYTES:
        raise GuardianError(
            f"No secret could be read from descriptor {descriptor}.",
            reason="secret_unreadable",
            hint="Hand over one line of UTF-8.",
        )
    return text
