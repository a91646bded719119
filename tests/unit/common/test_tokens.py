"""Enrolment tokens: read strictly, never shown by accident."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.common.tokens import Token, TokenError, secret_hash

PIN = "0123456789abcdef" * 4


def text_of(**fields: object) -> str:
    whole = {"a": "node.example:7443", "p": PIN, "s": "s" * 43} | fields
    body = json.dumps({key: value for key, value in whole.items() if value is not ...})
    return "gdn1." + base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def test_a_token_survives_being_written_and_read_again() -> None:
    token = Token.create("[fd00::1]:7443", PIN)
    again = Token.parse(f"  {token}\n")
    assert again == token
    assert (again.host, again.port) == ("fd00::1", 7443)


def test_two_tokens_never_share_a_secret() -> None:
    first, second = Token.create("a:1", PIN), Token.create("a:1", PIN)
    assert secret_hash(first.secret) != secret_hash(second.secret)


def test_its_repr_does_not_show_the_secret() -> None:
    token = Token.create("a:1", PIN)
    assert token.secret not in repr(token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gdn1.",
        "gdn2." + text_of()[5:],
        text_of()[:-7],
        text_of() + "!",
        text_of() + "A" * 2048,
        text_of(p=PIN.upper()),
        text_of(p=PIN[:-1]),
        text_of(p=5),
        text_of(a="node.example"),
        text_of(a="node.example:0"),
        text_of(a="node.example:65536"),
        text_of(a="node.example:7443\n"),
        text_of(a="user@node.example:7443"),
        text_of(a="node.example/x:7443"),
        text_of(s="short"),
        text_of(s="x" * 65),
        text_of(s=["x"] * 43),
        text_of(s="x" * 42 + "\ud800"),
        text_of(s="x" * 42 + "\n"),
        text_of(s=...),
        text_of(extra=1),
        "gdn1." + base64.urlsafe_b64encode(b"[]").decode(),
        "gdn1." + base64.urlsafe_b64encode(b"[" * 1400).decode(),
    ],
)
def test_what_is_no_token_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(TokenError) as caught:
        Token.parse(text)
    assert caught.value.reason == "token_malformed"
    assert "ask for a new one" in str(caught.value)


@given(
    st.one_of(
        st.text(max_size=300), st.binary(max_size=200).map(lambda b: "gdn1." + base64.urlsafe_b64encode(b).decode())
    )
)
def test_any_text_is_a_token_or_is_refused(text: str) -> None:
    try:
        token = Token.parse(text)
    except TokenError:
        return
    assert Token.parse(str(token)) == token


@given(st.dictionaries(st.sampled_from(["a", "p", "s", "x"]), st.text(max_size=70) | st.integers() | st.none()))
def test_any_json_inside_is_a_token_or_is_refused(body: dict[str, object]) -> None:
    text = "gdn1." + base64.urlsafe_b64encode(json.dumps(body).encode()).decode().rstrip("=")
    try:
        Token.parse(text)
    except TokenError:
        return
    assert set(body) == {"a", "p", "s"}
