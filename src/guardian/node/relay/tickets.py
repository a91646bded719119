"""The control plane's tickets: short-lived, for this node and tenant, naming what may be asked for. Not enough."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field, ValidationError

from guardian.common import ids
from guardian.common.config import Section
from guardian.node.relay.problems import Problem

ISSUER = "guardian-control"
MAX_LIFE = 60
MAX_NAMES = 500
MAX_TEXT = 64 << 10
_LEEWAY = 5
_Hex = Annotated[str, Field(pattern=r"\A[0-9a-f]{32}\z")]
_Uuid = Annotated[str, Field(pattern=r"\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z")]


class Ticket(Section):
    """What a valid ticket says."""

    iss: str
    aud: str
    sub: Annotated[str, Field(min_length=1, max_length=128)]
    tenant: str
    member: _Hex
    jti: Annotated[str, Field(min_length=8, max_length=128)]
    iat: int
    exp: int
    objects: list[_Hex]
    events: list[_Uuid]


def verify(text: str, keys: Sequence[bytes], *, tenant: str, node: str, moment: dt.datetime) -> Ticket:
    """A ticket signed by one of `keys` and good now, here; Problem 401 or 403 otherwise."""
    if len(text) > MAX_TEXT:
        raise _refused("It is too large.", "ticket_malformed")
    ticket = _parse(_claims(text, keys))
    now = moment.timestamp()
    if ticket.iss != ISSUER:
        raise _refused("It was not issued by a control plane.", "ticket_malformed")
    if ticket.aud != node:
        raise _refused("It is for another node.", "ticket_other_node")
    if ticket.tenant != tenant:
        raise _refused("It is for another tenant.", "ticket_other_tenant")
    if not 0 < ticket.exp - ticket.iat <= MAX_LIFE or ticket.iat > now + _LEEWAY:
        raise _refused("Its times are not allowed.", "ticket_times")
    if ticket.exp + _LEEWAY <= now:
        raise _refused("It has expired; ask for a new one.", "ticket_expired")
    if len(ticket.objects) + len(ticket.events) > MAX_NAMES:
        raise _refused(f"It names more than {MAX_NAMES} things.", "ticket_malformed")
    return ticket


def _claims(text: str, keys: Sequence[bytes]) -> dict[str, Any]:
    # Times and audience are judged afterwards, so that each refusal has its own reason.
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_aud": False, "verify_nbf": False}
    for key in keys:
        try:
            public = Ed25519PublicKey.from_public_bytes(key)
            claims: dict[str, Any] = jwt.decode(text, public, algorithms=["EdDSA"], options=options)
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise _refused("It is not of the allowed form.", "ticket_malformed") from None
        return claims
    raise _refused("It is not signed by this node's control plane.", "ticket_forged")


def _parse(claims: dict[str, Any]) -> Ticket:
    try:
        ticket = Ticket.model_validate(claims, strict=True)
        for event in ticket.events:
            ids.parse_uuid7(event)
    except (ValidationError, ValueError):
        raise _refused("It is not of the allowed form.", "ticket_malformed") from None
    return ticket


def _refused(what: str, reason: str) -> Problem:
    return Problem(401, f"The ticket is refused. {what}", reason=reason)
