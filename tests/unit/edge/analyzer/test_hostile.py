"""What comes over the sockets may be anything: it is refused, never half believed."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.common.errors import GuardianError, PeerError
from guardian.edge.analyzer.app import decode, jpeg_size
from guardian.edge.analyzer.protocol import TYPES, FrameHead, Idle, parse

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "camera",
    "name",
    "labels",
    "seq",
    "time",
    "width",
    "height",
    "motion",
    "id",
    "start",
    "end",
    "closed",
    "truncated",
]


@given(st.sampled_from([*TYPES, "other"]), st.dictionaries(st.sampled_from(FIELDS), anything), st.binary(max_size=64))
def test_a_header_is_a_message_or_an_error_and_nothing_else(kind: str, fields: dict[str, Any], payload: bytes) -> None:
    try:
        message = parse({**fields, "type": kind}, payload)
    except PeerError as error:
        assert error.reason in {"ipc_unknown", "ipc_malformed"}
    else:
        assert not payload or isinstance(message, FrameHead)


def test_fields_of_a_later_release_are_let_pass() -> None:
    assert parse({"type": "idle", "time": 1.5, "mood": "calm"}, b"") == Idle(time=1.5)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_break_the_decoder(data: bytes) -> None:
    for body in (data, b"\xff\xd8" + data):
        try:
            decode(body)
        except GuardianError as error:
            assert error.reason in {"not_jpeg", "image_size", "image_damaged"}


@pytest.mark.parametrize(("width", "height"), [(16, 16), (640, 360), (1920, 1080)])
def test_the_size_of_a_real_jpeg_is_read_before_it_is_decoded(width: int, height: int) -> None:
    data = cv2.imencode(".jpg", np.zeros((height, width, 3), np.uint8))[1].tobytes()
    assert jpeg_size(data) == (width, height)
    assert decode(data).shape == (height, width, 3)
