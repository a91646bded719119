"""Who this edge is: `STATE/identity/`, written once by `guardian edge enroll`, read by who signs or dials."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from guardian.common import kept
from guardian.common.config import Section
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder
from guardian.vault.identity import RECEIVE_FILE, SIGN_FILE, Keys

IDENTITY_FILE = "identity.json"
TLS_KEY = "tls.key"
TLS_CERTIFICATE = "tls.pem"
CA_FILE = "ca.pem"
WIREGUARD_KEY = "wireguard.key"
TUNNEL_FILE = "tunnel.json"
# Whoever looks after the host reads it for the words to compare: the private keys are for the daemons alone.
PUBLIC_FILE = "public.json"
_MAX_BYTES = 64 << 10
_Hex = Annotated[str, Field(pattern=r"\A[0-9a-f]{32}\z")]


class IdentityError(GuardianError):
    """This edge has no identity yet, or it cannot be used."""


class IdentityFile(Section):
    """`identity.json`. `tenant` is a text of the node's; `edge` the id in certificate, objects and events."""

    tenant: Annotated[str, Field(min_length=1, max_length=64)]
    edge: _Hex
    name: Annotated[str, Field(min_length=1, max_length=64)]
    gateway: Annotated[str, Field(min_length=3, max_length=300)]
    # Of the household's first roster entry, as the seed named it; left out where it named none.
    fingerprint: Annotated[str, Field(pattern=r"\A([0-9a-f]{64})?\z")] = ""


@dataclass(frozen=True)
class Identity:
    """The edge's names and its signing and receiving keys; TLS files are named, whoever dials reads them."""

    folder: Path
    tenant: str
    edge: str
    name: str
    gateway: str
    keys: Keys
    fingerprint: str = ""

    @property
    def edge_id(self) -> bytes:
        """The edge's 16 bytes."""
        return bytes.fromhex(self.edge)


def folder_of(state_dir: Path) -> Path:
    """`STATE/identity`."""
    return state_dir / "identity"


def is_enrolled(state_dir: Path) -> bool:
    """Whether enrolment was completed: `identity.json` is written last."""
    return (folder_of(state_dir) / IDENTITY_FILE).is_file()


def load(state_dir: Path) -> Identity:
    """Read the identity; raises IdentityError (`not_enrolled`, `identity_damaged`)."""
    folder, file = folder_of(state_dir), load_file(state_dir)
    return Identity(folder, file.tenant, file.edge, file.name, file.gateway, Keys.load(folder), file.fingerprint)


def load_file(state_dir: Path) -> IdentityFile:
    """What of it is no secret."""
    path = folder_of(state_dir) / IDENTITY_FILE
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise IdentityError(
            "This edge has not been enrolled with a node.",
            reason="not_enrolled",
            hint="Make a token on the node and run `guardian edge enroll`.",
        ) from None
    except OSError as error:
        raise IdentityError(
            f"This edge's identity cannot be read: {error.strerror}.", reason="identity_unreadable"
        ) from error
    try:
        if len(raw) > _MAX_BYTES:
            raise ValueError("size")
        return IdentityFile.model_validate_json(raw)
    except (ValidationError, ValueError) as error:
        raise IdentityError(
            f"{path} is not what enrolment wrote.",
            reason="identity_damaged",
            hint="Restore it from a backup, or enrol again as a new edge.",
        ) from error


def parts(
    state_dir: Path,
    file: IdentityFile,
    keys: Keys,
    *,
    tls_key: bytes,
    tls_certificate: bytes,
    ca: bytes,
    wireguard_key: bytes = b"",
    tunnel: bytes = b"",
) -> kept.Parts:
    """All of it in the order it is written: an edge is who `identity.json` says, which comes last."""
    folder = private_folder(folder_of(state_dir), mode=0o750)
    sign, receive = keys.seeds()
    secrets = {SIGN_FILE: sign, RECEIVE_FILE: receive, TLS_KEY: tls_key + tls_certificate}
    if wireguard_key:
        secrets[WIREGUARD_KEY] = wireguard_key
    mode = 0o640 if os.stat(folder).st_gid != os.getgid() else 0o600
    public = {"sign": keys.sign_public.hex(), "receive": keys.receive_public.hex()}
    files = {
        TLS_CERTIFICATE: tls_certificate.decode(),
        CA_FILE: ca.decode(),
        PUBLIC_FILE: json.dumps(public),
        TUNNEL_FILE: tunnel.decode(),
        IDENTITY_FILE: file.model_dump_json(exclude_defaults=True),
    }
    return kept.Parts(secrets, tuple(kept.PublicFile(name=name, text=text) for name, text in files.items()), mode)
