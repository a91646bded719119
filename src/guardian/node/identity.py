"""Who this node is: `STATE/identity/`, written by `guardian node enroll`; the agent renews its ticket keys."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from guardian.common import kept
from guardian.common.config import Section
from guardian.common.errors import GuardianError
from guardian.common.files import private_folder, write_atomic

IDENTITY_FILE = "identity.json"
TLS_KEY = "tls.key"
TICKET_KEYS_FILE = "ticket_keys.json"
_TICKET_MODE = 0o644
_MAX_BYTES = 64 << 10


class IdentityError(GuardianError):
    """This node has no identity yet, or it cannot be used."""


class Identity(Section):
    """`identity.json`: `tenant` is the control plane's text, `node` 32 hexadecimal digits, `agents` host:port."""

    tenant: Annotated[str, Field(pattern=r"\A[A-Za-z0-9-]{1,64}\z")]
    node: Annotated[str, Field(pattern=r"\A[0-9a-f]{32}\z")]
    agents: Annotated[str, Field(min_length=3, max_length=300)]


def folder_of(state_dir: Path) -> Path:
    """`STATE/identity`."""
    return state_dir / "identity"


def load(state_dir: Path) -> Identity:
    """Read the identity; raises IdentityError (`not_enrolled`, `identity_damaged`)."""
    path = folder_of(state_dir) / IDENTITY_FILE
    try:
        return Identity.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise IdentityError(
            "This node has not been enrolled with a control plane.",
            reason="not_enrolled",
            hint="Get a token from the control plane's operator and run `guardian node enroll`.",
        ) from None
    except OSError as error:
        raise IdentityError(f"{path} cannot be read: {error.strerror}.", reason="identity_unreadable") from error
    except ValidationError as error:
        raise IdentityError(
            f"{path} is not what enrolment wrote.",
            reason="identity_damaged",
            hint="Restore it from a backup, or enrol again with --again.",
        ) from error


def parts(
    identity: Identity, *, tls_key: bytes, tls_certificate: bytes, ca: bytes, ticket_keys: Sequence[bytes]
) -> kept.Parts:
    """All of it in the order it is written: a node is who `identity.json` says, which comes last."""
    files = (
        kept.PublicFile(name="tls.pem", text=tls_certificate.decode()),
        kept.PublicFile(name="ca.pem", text=ca.decode()),
        # Public keys: the relay, another user, reads them.
        kept.PublicFile(name=TICKET_KEYS_FILE, text=_ticket_text(ticket_keys), mode=_TICKET_MODE),
        kept.PublicFile(name=IDENTITY_FILE, text=identity.model_dump_json()),
    )
    # One file, so that key and certificate change together.
    return kept.Parts({TLS_KEY: tls_key + tls_certificate}, files)


def save_ticket_keys(state_dir: Path, keys: Sequence[bytes]) -> None:
    """For the agent, in a folder of its own: replace the Ed25519 keys whose tickets the relay believes."""
    folder = private_folder(state_dir / "agent", mode=0o750)
    write_atomic(folder / TICKET_KEYS_FILE, _ticket_text(keys).encode(), mode=_TICKET_MODE)


def ticket_keys_file(state_dir: Path) -> Path:
    """The newer of enrolment's keys and those the agent has got since."""
    first, renewed = (folder / TICKET_KEYS_FILE for folder in (folder_of(state_dir), state_dir / "agent"))
    try:
        return renewed if renewed.stat().st_mtime_ns >= first.stat().st_mtime_ns else first
    except FileNotFoundError:
        return first


def _ticket_text(keys: Sequence[bytes]) -> str:
    return json.dumps({"keys": [key.hex() for key in keys]})


def load_ticket_keys(state_dir: Path) -> list[bytes]:
    """The Ed25519 public keys (32 bytes each) whose tickets count; raises IdentityError."""
    path = ticket_keys_file(state_dir)
    try:
        raw = path.read_bytes()
        keys = [bytes.fromhex(key) for key in json.loads(raw)["keys"]]
        if len(raw) > _MAX_BYTES or any(len(key) != 32 for key in keys):
            raise ValueError("form")
    except OSError as error:
        raise IdentityError(f"{path} cannot be read: {error.strerror}.", reason="identity_unreadable") from error
    except (ValueError, KeyError, TypeError) as error:
        raise IdentityError(f"{path} is not what enrolment wrote.", reason="identity_damaged") from error
    return keys
