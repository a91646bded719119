"""HTTP ranges (RFC 9110, section 14) as our servers honour them: one range of bytes."""

import re
from dataclasses import dataclass

_UNIT = re.compile(r"\s*bytes\s*=", re.IGNORECASE)
_ONE = re.compile(r"\s*bytes\s*=\s*(?:(\d+)-(\d*)|-(\d+))\s*", re.ASCII | re.IGNORECASE)
# Nothing we serve is larger; what is asked for beyond is beyond the end.
LIMIT = 2**53


class RangeError(ValueError):
    """Several ranges, or one that is not well-formed."""


@dataclass(frozen=True)
class Range:
    """`first`-`last` (both included; `last` None: to the end), or the last `suffix` bytes."""

    first: int = 0
    last: int | None = None
    suffix: int | None = None

    @property
    def length(self) -> int:
        """How many bytes at most; 0 when it goes to the end."""
        return 0 if self.last is None else self.last - self.first + 1

    def within(self, total: int) -> tuple[int, int]:
        """The first byte and the one behind the last, of something this long; RangeError when there is none."""
        if self.suffix is not None:
            first, end = max(total - self.suffix, 0), total
        else:
            first, end = self.first, total if self.last is None else min(self.last + 1, total)
        if first >= end:
            raise RangeError
        return first, end


def parse(header: str | None) -> Range | None:
    """None when there is no range of bytes to honour; RangeError for what is refused."""
    if header is None or not _UNIT.match(header):
        # RFC 9110: a unit that is not understood is ignored.
        return None
    found = _ONE.fullmatch(header) if len(header) <= 128 else None
    if found is None:
        raise RangeError
    first, last, suffix = found.groups()
    if suffix is not None:
        return Range(suffix=min(int(suffix), LIMIT))
    parsed = Range(min(int(first), LIMIT), min(int(last), LIMIT) if last else None)
    if parsed.last is not None and parsed.last < parsed.first:
        raise RangeError
    return parsed
