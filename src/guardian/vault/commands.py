"""Commands a member signs for one edge, and the secrets sealed in them."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from guardian.vault import hpke
from guardian.vault.encoding import U32, Hex16, Hex32, One, Time, Wire, b64u, from_b64u, parse
from guardian.vault.errors import VaultError
from guardian.vault.identity import Keys, verify
from guardian.vault.roster import Roster
from guardian.vault.roster_author import Author
from guardian.vault.roster_form import Edge

MAX_PAYLOAD = 256 * 1024
EARLY = timedelta(minutes=5)
LONGEST = timedelta(days=1)

_UUID7 = r"\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z"


def _has_type(action: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(action.get("type"), str):
        raise ValueError("an action has a type")
    return action


class RosterPoint(Wire):
    """The newest roster entry the author knew."""

    seq: U32
    hash: Hex32


class Command(Wire):
    """What a member signs; the inside of `action` is the edge's matter."""

    v: One
    household: Hex16
    edge: Hex16
    id: Annotated[str, Field(strict=True, pattern=_UUID7)]
    author: Hex16
    issued: Time
    expires: Time
    roster: RosterPoint
    action: Annotated[dict[str, Any], AfterValidator(_has_type)]


def make_command(
    author: Author,
    roster: Roster,
    edge_id: str,
    command_id: str,
    action: dict[str, Any],
    *,
    issued: datetime,
    expires: datetime,
) -> tuple[bytes, bytes]:
    """Payload and signature of a command."""
    point = RosterPoint(seq=len(roster) - 1, hash=roster.head_hash.hex())
    try:
        command = Command(
            v=1,
            household=roster.household,
            edge=edge_id,
            id=command_id,
            author=author.id,
            issued=issued,
            expires=expires,
            roster=point,
            action=action,
        )
    except ValidationError:
        raise VaultError("command_malformed") from None
    payload = command.to_json()
    return payload, author.keys.sign(_signed(payload))


def open_command(payload: bytes, signature: bytes, roster: Roster, edge_id: str, now: datetime) -> Command:
    """A command this edge may carry out now. Whether it did so before is for the edge to remember, by id."""
    if len(payload) > MAX_PAYLOAD:
        raise VaultError("command_malformed", "too large")
    command = parse(Command, payload, "command_malformed")
    verify(roster.member(command.author).sign, _signed(payload), signature)
    if (command.household, command.edge) != (roster.household, edge_id):
        raise VaultError("command_misaddressed")
    if command.issued - now > EARLY:
        raise VaultError("command_early", hint="Compare the clocks of this machine and the browser's.")
    if now >= command.expires or not timedelta() < command.expires - command.issued <= LONGEST:
        raise VaultError("command_expired")
    if not roster.contains(command.roster.seq, bytes.fromhex(command.roster.hash)):
        raise VaultError("command_roster")
    return command


def seal_secret(edge: Edge, household: str, command_id: str, secret: bytes) -> dict[str, dict[str, str]]:
    """A secret inside an action, for the edge's eyes only."""
    sealed = hpke.seal(edge.receive, secret, _info(household, edge.id, command_id))
    return {"sealed": {"enc": b64u(sealed.enc), "ct": b64u(sealed.ct)}}


def open_secret(keys: Keys, household: str, edge_id: str, command_id: str, field: object) -> bytes:
    """The secret of a field `{"sealed":{"enc","ct"}}` of the command with this id."""
    match field:
        case {"sealed": {"enc": str(enc), "ct": str(ct), **inner}, **outer} if not inner and not outer:
            try:
                sealed = hpke.Sealed(from_b64u(enc, hpke.ENC_SIZE), from_b64u(ct))
            except VaultError:
                raise VaultError("command_malformed", "sealed secret") from None
        case _:
            raise VaultError("command_malformed", "sealed secret")
    return keys.open_sealed(sealed, _info(household, edge_id, command_id), reason="secret_damaged")


def _signed(payload: bytes) -> bytes:
    return b"guardian/command/v1\0" + payload


def _info(household: str, edge_id: str, command_id: str) -> bytes:
    ids = bytes.fromhex(household) + bytes.fromhex(edge_id)
    return b"guardian/command-secret/v1\0" + ids + command_id.encode()
