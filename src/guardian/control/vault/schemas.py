"""Key slots and roster entries; docs/vault-format.md has their meaning."""

from typing import Annotated, Literal

from pydantic import Field

from guardian.control.schemas import HEX_EXAMPLE, B64u, Hash, Hex, Message, example

_SLOT = {
    "v": 1,
    "id": HEX_EXAMPLE,
    "household": HEX_EXAMPLE,
    "member": HEX_EXAMPLE,
    "kind": "secret",
    "kdf": {"name": "argon2id", "salt": "AAAAAAAAAAAAAAAAAAAAAA", "m": 65536, "t": 3, "p": 4},
    "nonce": "AAAAAAAAAAAAAAAA",
    "ct": "A" * 107,
}
_ENTRY = {"payload": "eyJ2IjoxfQ", "signature": "A" * 86}


class Argon2id(Message):
    """For a secret a person remembers."""

    name: Literal["argon2id"]
    salt: B64u
    m: int
    t: int
    p: int


class Hkdf(Message):
    """For secrets that are random already."""

    name: Literal["hkdf-sha256"]
    salt: B64u


class Slot(Message):
    """A member's private keys under a secret."""

    model_config = example(_SLOT)

    v: Literal[1]
    id: Hex
    household: Hex
    member: Hex
    kind: Literal["secret", "recovery", "passkey"]
    kdf: Annotated[Argon2id | Hkdf, Field(discriminator="name")]
    nonce: B64u
    ct: B64u


class RosterEntry(Message):
    """One link of the chain, as it was signed."""

    model_config = example(_ENTRY)

    payload: B64u = Field(max_length=349_528)
    signature: B64u = Field(min_length=86, max_length=86)


class RosterPage(Message):
    """Entries from index `first`; `next` is where to go on, null at the end."""

    model_config = example({"first": 0, "entries": [_ENTRY], "next": 1})

    first: int
    entries: list[RosterEntry]
    next: int | None


class RosterAppend(Message):
    """Entries that follow the first `first`."""

    model_config = example({"first": 0, "entries": [_ENTRY]})

    first: int = Field(ge=0, le=10_000)
    entries: list[RosterEntry] = Field(min_length=1, max_length=100)


class RosterHead(Message):
    """The chain as it is stored now."""

    model_config = example({"entries": 1, "head": "00" * 32})

    entries: int
    head: Hash
