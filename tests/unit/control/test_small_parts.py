"""Parts that need no database."""

import pytest
from pydantic import ValidationError

from guardian.control.accounts.passwords import Passwords
from guardian.control.agents.report import relay_origin
from guardian.control.config import Settings, host_port
from guardian.control.errors import ControlError
from guardian.control.schemas import check_id, plain


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://node.example:8443", "https://node.example:8443"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://node.example/path", ""),
        ("https://user:secret@node.example", ""),
        ("javascript:alert(1)", ""),
        ("https://node.example:99999", ""),
        ("https://a b", ""),
        ("//node.example", ""),
        ("https://node.example?x", ""),
        ("", ""),
    ],
)
def test_a_relays_address_is_an_origin_or_nothing(url: str, origin: str) -> None:
    assert relay_origin(url) == origin


async def test_a_password_is_recognised_and_nobody_has_one() -> None:
    passwords = Passwords()
    stored = await passwords.hash("right")
    assert await passwords.verify(stored, "right")
    assert not await passwords.verify(stored, "wrong")
    assert not await passwords.verify(None, "right")
    assert not await passwords.verify("not a hash", "right")
    assert not passwords.outdated(stored)


def test_a_strangers_text_is_shortened_and_loses_its_control_characters() -> None:
    assert plain("a\x00b\x1b[31m\n", 5) == "a b [31m"[:5]


@pytest.mark.parametrize("text", ["", "AB" * 16, "ab" * 15, "zz" * 16])
def test_what_is_no_id_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ControlError) as caught:
        check_id(text)
    assert caught.value.reason == "id_malformed"


@pytest.mark.parametrize("origin", ["'none'", "https://x y", "https://x/;", "ws://x", "*", "https://x:*; img-src *"])
def test_an_origin_cannot_smuggle_a_policy(origin: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"database": {"dsn": "postgresql://x"}, "api": {"relay_origins": [origin]}})


def test_addresses_are_taken_apart() -> None:
    assert host_port("[::1]:80") == ("::1", 80)
    assert host_port("127.0.0.1:0") == ("127.0.0.1", 0)
