"""UTC time and its RFC 3339 text."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present, aware, UTC."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Parse RFC 3339 with an offset; raises ValueError without one, and for a moment that UTC has no year for."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("time without an offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("time out of range") from None


def from_seconds(seconds: float) -> datetime:
    """Wall-clock seconds since 1970 as UTC."""
    return datetime.fromtimestamp(seconds, UTC)
