"""Back-off, ids, times, redaction, and the sum of a daemon's health."""

import asyncio
import datetime as dt
import os
import subprocess
import sys
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.common import clock, ids, log
from guardian.common.health import Health, State
from guardian.common.retry import Backoff


def test_delays_grow_to_the_cap_and_begin_again_after_success() -> None:
    backoff = Backoff(initial=1, maximum=8, floor=0.5)
    for ceiling in (1, 2, 4, 8, 8, 8):
        assert 0.5 <= backoff.next() <= ceiling
    backoff.reset()
    assert backoff.next() <= 1


def test_delays_stay_within_bounds_however_often_it_is_tried() -> None:
    backoff = Backoff(initial=0.5, maximum=30, floor=0.1)
    assert all(0.1 <= backoff.next() <= 30 for _ in range(2000))


async def test_waiting_ends_at_once_when_stopping() -> None:
    stopping = asyncio.Event()
    stopping.set()
    assert await Backoff(initial=1000, maximum=1000, floor=1000).wait(stopping)
    assert not await Backoff(initial=0.01, maximum=0.01, floor=0.01).wait(asyncio.Event())


def test_event_ids_sort_by_time_and_tell_it() -> None:
    made = [ids.uuid7() for _ in range(100)]
    assert made == sorted(made)
    assert abs(ids.uuid7_time(made[0]) - clock.now()) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("text", [str(uuid.uuid4()), str(ids.uuid7()).upper(), ids.uuid7().hex, "", "x" * 36])
def test_only_the_canonical_form_of_version_7_is_an_event_id(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - some of the words are uuid's
        ids.parse_uuid7(text)


@pytest.mark.parametrize("text", ["", "A" * 32, "0" * 31, "0" * 33, "0" * 31 + "g", "0" * 32 + "\n", " " + "0" * 31])
def test_an_object_id_is_32_lower_case_digits_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="32 lower-case"):
        ids.parse_hex_id(text)


@pytest.mark.parametrize("text", ["", "Front", "../x", "a/b", "a.b", "a b", "front\n", "x" * 33, "ä"])
def test_a_camera_id_cannot_become_a_path(text: str) -> None:
    assert not ids.is_camera_id(text)


def test_times_are_written_in_utc_and_read_back() -> None:
    there = dt.timezone(dt.timedelta(hours=5, minutes=30))
    moment = dt.datetime(2026, 1, 31, 13, 30, tzinfo=there)
    assert clock.to_text(moment) == "2026-01-31T08:00:00.000000Z"
    assert clock.from_text(clock.to_text(moment)) == moment
    with pytest.raises(ValueError, match="offset"):
        clock.from_text("2026-01-31T08:00:00")
    for beyond in ("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"):
        with pytest.raises(ValueError, match="range"):
            clock.from_text(beyond)


@given(st.text(st.characters(exclude_characters=" \n\t\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0", codec="ascii"), min_size=1))
def test_no_password_in_an_address_reaches_the_log(password: str) -> None:
    text = log.redact(f"cannot open rtsp://admin:{password}@10.0.0.9:554/stream now")
    assert text == "cannot open rtsp://***@10.0.0.9:554/stream now"


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ([], "ok"),
        (["ok", "ok"], "ok"),
        (["ok", "waiting"], "waiting"),
        (["degraded", "waiting"], "degraded"),
        (["failed", "ok", "degraded"], "failed"),
    ],
)
def test_a_daemon_is_as_well_as_its_worst_dependency(states: list[State], whole: str) -> None:
    health = Health("x")
    for number, state in enumerate(states):
        health.set(str(number), state, "A sentence.")
    assert health.state == whole


def test_only_a_change_of_state_or_reason_is_news_and_moves_its_time() -> None:
    health = Health("x")
    assert health.set("node", "waiting", "No route.", reason="no_route")
    first = health.get("node")
    assert first is not None
    assert not health.set("node", "waiting", "Still no route.", reason="no_route")
    second = health.get("node")
    assert second is not None
    assert (second.sentence, second.since) == ("Still no route.", first.since)
    assert health.set("node", "waiting", "Refused.", reason="refused")
    health.remove("node")
    assert health.get("node") is None


def test_the_journal_gets_what_happened_first_with_its_priority_and_not_what_it_knows():
    program = (
        "from guardian.common import log; log.setup('tunnel');"
        "log.get('x').warning('tunnel_down', reason='hub_silent', at='rtsp://u:p@camera/1')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"JOURNAL_STREAM": "8:1"}, capture_output=True, check=True
    )
    assert ended.stderr.decode() == (
        '<4>{"event": "tunnel_down", "reason": "hub_silent", "at": "rtsp://***@camera/1", "level": "warning"}\n'
    )
