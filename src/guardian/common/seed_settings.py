"""What a seed says of the machine itself: locale, time zone, Wi-Fi, SSH key. All of it is written into configuration.

Whoever writes a seed may be a stranger: each value has a form in which it can be neither a path out of a folder nor a
second line of a file.
"""

import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from pydantic import Field, field_validator

from guardian.common.config import Section

_SSH_KEY = re.compile(
    r"(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) "
    r"([A-Za-z0-9+/]{40,1900}={0,2})(?: [!-~][ -~]{0,127})?"
)


class Wifi(Section):
    """A network by its name and its passphrase, or its key as 64 hexadecimal digits."""

    ssid: str = Field(max_length=32)
    psk: str = Field(pattern=r"^([ -~]{8,63}|[0-9a-fA-F]{64})$", repr=False)

    @field_validator("ssid")
    @classmethod
    def _name(cls, value: str) -> str:
        if not is_ssid(value):
            raise ValueError("must be plain text of 1 to 32 bytes")
        return value


class HostSettings(Section):
    """What is no secret of it; empty: as the image has it."""

    locale: str = Field(default="", pattern=r"^([A-Za-z][A-Za-z0-9_.@-]{0,31})?$")
    timezone: str = Field(default="", pattern=r"^([A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z][A-Za-z0-9_+-]{0,31}){0,2})?$")
    # One line of OpenSSH's, without options.
    ssh_key: str = Field(default="", max_length=2048)

    @field_validator("ssh_key")
    @classmethod
    def _public_key(cls, value: str) -> str:
        if value and not is_ssh_key(value):
            raise ValueError("must be one public key as OpenSSH writes it, without options")
        return value


def is_ssid(name: str) -> bool:
    """Whether a network may be called so; of those that are no text nobody makes a seed."""
    return name.isprintable() and 1 <= len(name.encode()) <= 32


def is_ssh_key(line: str) -> bool:
    """Whether a host may be given this public key: Ed25519, ECDSA, of a security key, or RSA of 2,048 bits and more."""
    found = _SSH_KEY.fullmatch(line)
    if found is None:
        return False
    try:
        key = load_ssh_public_key(f"{found[1]} {found[2]}".encode("ascii"))
    except (ValueError, UnsupportedAlgorithm, NotImplementedError):
        # The last: a point of ECDSA that is written in short, which OpenSSH does not know either.
        return False
    return not isinstance(key, RSAPublicKey) or key.key_size >= 2048
