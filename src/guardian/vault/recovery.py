"""The recovery code: 128 random bits as 28 symbols a person can copy, with a check against mistyping."""

import hashlib
import secrets

from guardian.vault.errors import VaultError

CODE_SIZE = 16
_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SAME = str.maketrans("OIL", "011")
_BODY = 26
_CHECK = 2


def new_code() -> bytes:
    """A fresh code."""
    return secrets.token_bytes(CODE_SIZE)


def write(code: bytes) -> str:
    """The code's text: seven groups of four symbols."""
    number = int.from_bytes(code, "big") << 2
    body = "".join(_SYMBOLS[number >> shift & 31] for shift in range(5 * (_BODY - 1), -1, -5))
    text = body + _check(code)
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def read(text: str) -> bytes:
    """The code of a text as typed: case, spaces and dashes do not matter; O is 0, I and L are 1."""
    symbols = "".join(text.split()).replace("-", "")
    if not symbols.isascii():
        raise VaultError("recovery_code", "symbol")
    symbols = symbols.upper().translate(_SAME)
    if len(symbols) != _BODY + _CHECK:
        raise VaultError("recovery_code", "length")
    if any(symbol not in _SYMBOLS for symbol in symbols):
        raise VaultError("recovery_code", "symbol")
    number = 0
    for symbol in symbols[:_BODY]:
        number = number << 5 | _SYMBOLS.index(symbol)
    if number & 3:
        raise VaultError("recovery_code", "check")
    code = (number >> 2).to_bytes(CODE_SIZE, "big")
    if symbols[_BODY:] != _check(code):
        raise VaultError("recovery_code", "check")
    return code


def _check(code: bytes) -> str:
    digest = hashlib.sha256(b"guardian/recovery-check/v1\0" + code).digest()
    bits = int.from_bytes(digest[:2], "big") >> 6
    return _SYMBOLS[bits >> 5] + _SYMBOLS[bits & 31]
