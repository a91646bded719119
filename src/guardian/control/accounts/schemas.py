"""Login and "who am I"."""

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from guardian.control.schemas import HEX_EXAMPLE, Hex, Message, example

Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"
    ),
]


class Login(Message):
    """An address and a password of the built-in login."""

    model_config = example({"email": "owner@example.org", "password": "correct horse battery staple"})

    email: Email
    password: SecretStr = Field(min_length=1, max_length=1024)


class User(Message):
    """The one who is logged in."""

    id: Hex
    email: str
    name: str


class Tenant(Message):
    """The household they act for."""

    id: Hex
    name: str


class Session(Message):
    """Who am I."""

    model_config = example(
        {
            "user": {"id": HEX_EXAMPLE, "email": "owner@example.org", "name": "Owner"},
            "tenant": {"id": HEX_EXAMPLE, "name": "Home"},
        }
    )

    user: User
    tenant: Tenant
