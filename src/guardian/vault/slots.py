"""Key slots: a member's private keys under a secret, a recovery code or a passkey.

`Slot.read(data)` is for all: it refuses a wrong form and absurd Argon2id costs before any work.
"""

import secrets as random
import unicodedata
from typing import Annotated, Literal

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field

from guardian.vault import recovery
from guardian.vault.encoding import Bytes12, Bytes16, Bytes80, Hex16, Int, One, Wire, b64u, dump_json, new_id, parse
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys
from guardian.vault.roster import Roster

M_RANGE = range(65_536, 262_144 + 1)
T_RANGE = range(3, 10 + 1)
P_RANGE = range(1, 16 + 1)
MAX_SLOT = 4096
PRF_SIZE = 32

Kind = Literal["secret", "recovery", "passkey"]


class Argon2idKdf(Wire):
    """Parameters of a secret's slot."""

    name: Literal["argon2id"] = "argon2id"
    salt: Bytes16
    m: Int
    t: Int
    p: Int


class HkdfKdf(Wire):
    """Parameters of a slot whose key material is random already."""

    name: Literal["hkdf-sha256"] = "hkdf-sha256"
    salt: Bytes16


class Slot(Wire):
    """A slot as it is published."""

    v: One
    id: Hex16
    household: Hex16
    member: Hex16
    kind: Kind
    kdf: Annotated[Argon2idKdf | HkdfKdf, Field(discriminator="name")]
    nonce: Bytes12
    ct: Bytes80

    @classmethod
    def read(cls, data: bytes) -> "Slot":
        """A slot of its JSON, checked in form and cost, not opened."""
        if len(data) > MAX_SLOT:
            raise VaultError("slot_malformed", "too large")
        slot = parse(cls, data, "slot_malformed")
        kdf = slot.kdf
        if (slot.kind == "secret") != isinstance(kdf, Argon2idKdf):
            raise VaultError("slot_malformed", "kdf of another kind")
        if isinstance(kdf, Argon2idKdf) and not (kdf.m in M_RANGE and kdf.t in T_RANGE and kdf.p in P_RANGE):
            raise VaultError("kdf_refused")
        return slot


def create_with_secret(secret: str, household: str, member: str, keys: Keys, *, slot_id: str | None = None) -> Slot:
    """A slot that the owner's secret opens."""
    kdf = Argon2idKdf(salt=random.token_bytes(16), m=M_RANGE[0], t=T_RANGE[0], p=4)
    return _create("secret", kdf, _from_secret(secret, kdf), household, member, keys, slot_id)


def create_with_recovery(code: bytes, household: str, member: str, keys: Keys, *, slot_id: str | None = None) -> Slot:
    """A slot that the printed recovery code opens."""
    kdf = HkdfKdf(salt=random.token_bytes(16))
    return _create("recovery", kdf, _from_random("recovery", code, kdf), household, member, keys, slot_id)


def create_with_passkey(
    prf_output: bytes, household: str, member: str, keys: Keys, *, slot_id: str | None = None
) -> Slot:
    """A slot that a passkey's PRF output opens."""
    kdf = HkdfKdf(salt=random.token_bytes(16))
    return _create("passkey", kdf, _from_random("passkey", prf_output, kdf), household, member, keys, slot_id)


def open_with_secret(slot: Slot, secret: str, roster: Roster) -> Keys:
    """The member's keys, by the secret."""
    if not isinstance(slot.kdf, Argon2idKdf):
        raise VaultError("slot_malformed", "no slot of a secret")
    return _open(slot, _from_secret(secret, slot.kdf), roster)


def open_with_recovery(slot: Slot, code_text: str, roster: Roster) -> Keys:
    """The member's keys, by the recovery code as typed."""
    return _open(slot, _from_random("recovery", recovery.read(code_text), slot.kdf), roster)


def open_with_passkey(slot: Slot, prf_output: bytes, roster: Roster) -> Keys:
    """The member's keys, by a passkey's PRF output."""
    return _open(slot, _from_random("passkey", prf_output, slot.kdf), roster)


def _create(
    kind: Kind, kdf: Argon2idKdf | HkdfKdf, key: bytes, household: str, member: str, keys: Keys, slot_id: str | None
) -> Slot:
    nonce = random.token_bytes(12)
    empty = Slot(
        v=1, id=slot_id or new_id(), household=household, member=member, kind=kind, kdf=kdf, nonce=nonce, ct=bytes(80)
    )
    ct = AESGCM(key).encrypt(nonce, b"".join(keys.seeds()), _associated(empty))
    return empty.model_copy(update={"ct": ct})


def _open(slot: Slot, key: bytes, roster: Roster) -> Keys:
    try:
        seeds = AESGCM(key).decrypt(slot.nonce, slot.ct, _associated(slot))
    except InvalidTag:
        raise VaultError("wrong_secret") from None
    if slot.household != roster.household:
        raise VaultError("wrong_member", "another household")
    member = roster.member(slot.member)
    keys = Keys(seeds[:32], seeds[32:])
    if keys.sign_public != member.sign or keys.receive_public != member.receive:
        raise VaultError("wrong_member")
    return keys


def _associated(slot: Slot) -> bytes:
    kdf = slot.kdf
    cost = (kdf.m, kdf.t, kdf.p) if isinstance(kdf, Argon2idKdf) else (0, 0, 0)
    bound = [slot.id, slot.household, slot.member, slot.kind, kdf.name, b64u(kdf.salt), *cost]
    return b"guardian/slot/v1\0" + dump_json(bound)


def _from_secret(secret: str, kdf: Argon2idKdf) -> bytes:
    try:
        normal = unicodedata.normalize("NFKC", secret).encode()
    except UnicodeEncodeError:
        raise VaultError("encoding", "secret") from None
    return hash_secret_raw(
        normal,
        kdf.salt,
        time_cost=kdf.t,
        memory_cost=kdf.m,
        parallelism=kdf.p,
        hash_len=32,
        type=Type.ID,
        version=ARGON2_VERSION,
    )


def _from_random(kind: Kind, material: bytes, kdf: Argon2idKdf | HkdfKdf) -> bytes:
    if not isinstance(kdf, HkdfKdf):
        raise VaultError("slot_malformed", f"no slot of a {kind}")
    if len(material) != (recovery.CODE_SIZE if kind == "recovery" else PRF_SIZE):
        raise VaultError("encoding", kind)
    return HKDF(SHA256(), 32, kdf.salt, b"guardian/slot/" + kind.encode() + b"/v1").derive(material)
