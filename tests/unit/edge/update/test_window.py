"""The hour in which a machine may restart into a new system."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from guardian.common.config import parse
from guardian.common.errors import ConfigError
from guardian.edge.config import EdgeConfig
from guardian.edge.update.window import is_open


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 1, hour, minute, tzinfo=timezone(timedelta(hours=2)))


def test_it_begins_with_its_first_minute_and_ends_before_its_last():
    assert [is_open("02:00-05:00", at(*moment)) for moment in ((1, 59), (2, 0), (4, 59), (5, 0))] == [
        False,
        True,
        True,
        False,
    ]


def test_it_may_pass_midnight():
    found = [hour for hour in range(24) if is_open("22:30-02:00", at(hour, 45))]
    assert found == [0, 1, 22, 23]


def test_it_may_be_the_whole_day():
    assert all(is_open("00:00-24:00", at(hour)) for hour in range(24))


def test_the_hour_is_that_of_the_moments_own_zone():
    assert is_open("02:00-05:00", at(3))
    assert not is_open("02:00-05:00", at(3).astimezone(UTC))


@pytest.mark.parametrize(
    "text",
    ["", "2-5", "02:00-02:00", "02:00-03:00", "02:60-05:00", "25:00-05:00", "02:00-24:01", "always", "02:00-05:00\n"],
)
def test_what_is_no_window_or_too_short_is_refused_by_the_configuration(text: str):
    with pytest.raises(ConfigError) as caught:
        parse(EdgeConfig, {"update": {"window": text}}, source="test")
    assert "update.window" in str(caught.value)
