"""When an update may be put in place: `HH:MM-HH:MM` of the machine's own time, past midnight where it says so."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator

_FORM = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_DAY = 24 * 60
# guardian-update.timer looks at least so often, in minutes: a shorter window could be missed each night.
SHORTEST = 90


def parse(text: str) -> tuple[int, int]:
    """Minutes of the day at which it begins and how many it lasts; ValueError for what is no window."""
    found = _FORM.fullmatch(text)
    begin, end = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, _DAY + 1)
    if end > _DAY:
        raise ValueError("must be written like 02:00-05:00")
    length = (end - begin) % _DAY or (_DAY if end - begin == _DAY else 0)
    if length < SHORTEST:
        raise ValueError(f"must last at least {SHORTEST} minutes")
    return begin, length


def is_open(text: str, moment: datetime) -> bool:
    """Whether `moment`, in its own time zone, lies within the window."""
    begin, length = parse(text)
    return (moment.hour * 60 + moment.minute - begin) % _DAY < length


def _window(value: str) -> str:
    parse(value)
    return value


Window = Annotated[str, AfterValidator(_window)]
