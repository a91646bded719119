"""What all messages of the REST API have in common."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from guardian.common.clock import to_text
from guardian.common.ids import parse_hex_id
from guardian.control.errors import ControlError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
HEX_EXAMPLE = "3f2b8c1d5e6a7f908172635445362718"
UUID_EXAMPLE = "01939d5e-6f1a-7c3b-8e21-5d0f3a9b7c44"
TIME_EXAMPLE = "2026-01-31T08:00:00.000000Z"

Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$"), Field(examples=[HEX_EXAMPLE])]
Hash = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
B64u = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$")]
Uuid7 = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"),
    Field(examples=[UUID_EXAMPLE]),
]
CameraId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,32}$"), Field(examples=["front"])]
Time = Annotated[datetime, PlainSerializer(to_text, return_type=str, when_used="json"), Field(examples=[TIME_EXAMPLE])]


class Message(BaseModel):
    """Unknown fields are refused both ways."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(BaseModel):
    """RFC 9457: what went wrong, with a reason for programs and a sentence for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:guardian:problem:not_logged_in",
                    "title": "Unauthorized",
                    "status": 401,
                    "detail": "Log in first.",
                    "reason": "not_logged_in",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    reason: str


def example(value: dict[str, Any]) -> ConfigDict:
    """A message's configuration with one example for the OpenAPI document."""
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


def plain(text: str, limit: int) -> str:
    """A stranger's text without what a terminal, a page or PostgreSQL could trip over."""
    return _CONTROL.sub(" ", text)[:limit]


def check_id(text: str) -> str:
    """An id as people paste it; ControlError `id_malformed` when it cannot be one."""
    try:
        return parse_hex_id(text.strip()).hex()
    except ValueError:
        raise ControlError("An id is 32 lower-case hexadecimal digits.", reason="id_malformed") from None
