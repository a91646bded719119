"""The relay's small parts: ranges, limits, sessions that end."""

import pytest

from guardian.common.ranges import LIMIT, Range, RangeError, parse
from guardian.node.relay.limits import Buckets
from guardian.node.relay.problems import Problem
from guardian.node.relay.sessions import MAX_NAMES, MAX_PER_MEMBER, SESSION_SECONDS, Sessions
from guardian.node.relay.tickets import Ticket


def ticket(number: int, **changes: object) -> Ticket:
    claims = {
        "iss": "guardian-control",
        "aud": "0" * 32,
        "sub": "user",
        "tenant": "t",
        "member": "a" * 32,
        "jti": f"ticket-{number:08d}",
        "iat": 0,
        "exp": 60,
        "objects": [],
        "events": [],
    }
    return Ticket.model_validate({**claims, **changes})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_ranges_as_they_are_written():
    assert parse(None) is None
    assert parse("lines=1-2") is None
    assert parse("bytes=0-499") == Range(0, 499)
    assert parse("bytes=500-") == Range(500)
    assert parse("bytes=-500") == Range(suffix=500)
    assert parse("bytes=0-" + "9" * 30) == Range(0, LIMIT)


@pytest.mark.parametrize(
    "text", ["bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-1,2-3", "bytes=١-٢", "bytes=1-2x"]
)
def test_ranges_that_are_none(text: str):
    with pytest.raises(RangeError):
        parse(text)


def test_a_range_within_something_of_a_size():
    assert Range(0, 499).within(200) == (0, 200)
    assert Range(5, 5).within(200) == (5, 6)
    assert Range(199).within(200) == (199, 200)
    assert Range(suffix=500).within(200) == (0, 200)
    assert Range(suffix=1).within(200) == (199, 200)
    for none in (Range(200), Range(500, 600), Range(suffix=0), Range(LIMIT, LIMIT)):
        with pytest.raises(RangeError):
            none.within(200)
    with pytest.raises(RangeError):
        Range(suffix=5).within(0)


def test_a_bucket_lets_a_burst_through_and_then_the_rate():
    clock = Clock()
    buckets = Buckets(2.0, 3.0, clock)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a") == pytest.approx(0.5)
    assert buckets.take("b") == 0
    clock.now += 0.5
    assert buckets.take("a") == 0


def test_a_session_ends_by_time_and_is_told_to_whoever_reads():
    clock = Clock()
    sessions = Sessions(clock)
    token, session = sessions.open(ticket(1))
    assert sessions.find(token) is session
    clock.now += SESSION_SECONDS
    with pytest.raises(Problem) as caught:
        sessions.find(token)
    assert caught.value.reason == "session_unknown"
    assert session.dead


def test_a_session_remembers_the_newest_names_only():
    sessions = Sessions(Clock())
    _, session = sessions.open(ticket(0, objects=[f"{number:032x}" for number in range(500)]))
    for number in range(1, 12):
        more = [f"{number * 500 + offset:032x}" for offset in range(500)]
        sessions.renew(session, ticket(number, objects=more))
    assert len(session.names) == MAX_NAMES
    assert f"{0:032x}" not in session.names
    assert f"{11 * 500:032x}" in session.names


def test_one_member_cannot_fill_the_memory_with_challenges():
    sessions = Sessions(Clock())
    values = [sessions.challenge(f"text {number}", ticket(number)) for number in range(MAX_PER_MEMBER + 5)]
    with pytest.raises(Problem):
        sessions.spend_challenge(values[0], "text 0", ticket(0))
    sessions.spend_challenge(values[-1], f"text {len(values) - 1}", ticket(len(values) - 1))


def test_a_challenge_expires():
    clock = Clock()
    sessions = Sessions(clock)
    value = sessions.challenge("text", ticket(1))
    clock.now += 60
    with pytest.raises(Problem):
        sessions.spend_challenge(value, "text", ticket(1))
