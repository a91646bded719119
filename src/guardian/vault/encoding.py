"""The one way each value is written: hex, base64url, times, JSON. Whatever is written differently is refused."""

import base64
import binascii
import json
import re
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from guardian.vault.errors import VaultError

MAX_INT = 2**53 - 1

_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_B64U = re.compile(r"[A-Za-z0-9_-]*")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def b64u(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_b64u(text: str, size: int | None = None) -> bytes:
    """The bytes of a b64u text; `size` is the only length allowed."""
    if not _B64U.fullmatch(text):
        raise VaultError("encoding", "b64u")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise VaultError("encoding", "b64u") from None
    if b64u(data) != text or (size is not None and len(data) != size):
        raise VaultError("encoding", "b64u")
    return data


def from_hex(text: str, size: int) -> bytes:
    """The bytes of a lower-case hex text of exactly `size` bytes."""
    if not _HEX.fullmatch(text) or len(text) != 2 * size:
        raise VaultError("encoding", "hex")
    return bytes.fromhex(text)


def new_id() -> str:
    """A fresh id of a household, member, edge or slot: 16 random bytes as hex."""
    return secrets.token_hex(16)


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """The time of an RFC 3339 text that ends in Z."""
    if not _TIME.fullmatch(text):
        raise VaultError("encoding", "time")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise VaultError("encoding", "time") from None


def now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def dump_json(value: object) -> bytes:
    """JSON without spaces, UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _no_such_number(text: str) -> Any:
    raise ValueError(f"number {text[:20]}")


def load_json(data: bytes) -> Any:
    """JSON whose numbers are integers; ValueError otherwise."""
    try:
        return json.loads(data.decode("utf-8"), parse_float=_no_such_number, parse_constant=_no_such_number)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _bytes_field(size: int) -> Any:
    def decode(value: object) -> bytes:
        if isinstance(value, bytes) and len(value) == size:
            return value
        if not isinstance(value, str):
            raise ValueError("b64u expected")
        return from_b64u(value, size)

    return BeforeValidator(_as_value_error(decode))


def _time_field(value: object) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if not isinstance(value, str):
        raise ValueError("time expected")
    return parse_time(value)


def _as_value_error(decode: Any) -> Any:
    # pydantic collects ValueError only.
    def checked(value: object) -> Any:
        try:
            return decode(value)
        except VaultError as error:
            raise ValueError(error.sentence) from None

    return checked


def plain_text(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("control characters")
    return value


_B64U_OUT = PlainSerializer(b64u, return_type=str)
Int = Annotated[int, Field(strict=True, ge=0, le=MAX_INT)]
One = Annotated[int, Field(strict=True, ge=1, le=1)]
U32 = Annotated[int, Field(strict=True, ge=0, le=2**32 - 1)]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=64), AfterValidator(plain_text)]
Hex16 = Annotated[str, Field(strict=True, pattern=r"\A[0-9a-f]{32}\z")]
Hex32 = Annotated[str, Field(strict=True, pattern=r"\A[0-9a-f]{64}\z")]
Bytes12 = Annotated[bytes, _bytes_field(12), _B64U_OUT]
Bytes16 = Annotated[bytes, _bytes_field(16), _B64U_OUT]
Bytes32 = Annotated[bytes, _bytes_field(32), _B64U_OUT]
Bytes48 = Annotated[bytes, _bytes_field(48), _B64U_OUT]
Bytes80 = Annotated[bytes, _bytes_field(80), _B64U_OUT]
Encapsulation = Annotated[bytes, _bytes_field(1120), _B64U_OUT]
ReceivePublic = Annotated[bytes, _bytes_field(1216), _B64U_OUT]
Time = Annotated[datetime, BeforeValidator(_as_value_error(_time_field)), PlainSerializer(format_time, return_type=str)]


class Wire(BaseModel):
    """A JSON form of the vault: frozen, strict, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def to_json(self) -> bytes:
        return dump_json(self.model_dump(mode="python"))


W = TypeVar("W", bound=Wire)


def parse(model: type[W], data: bytes, reason: str) -> W:
    """`data` as a `model`, or a VaultError of `reason`."""
    try:
        return model.model_validate(load_json(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise VaultError(reason, ".".join(str(step)[:40] for step in first["loc"][:6])) from None
    except ValueError:
        raise VaultError(reason, "not the JSON expected") from None
