"""What is told of many measurements."""

from collections.abc import Iterable


def spread(values: Iterable[float], digits: int = 3) -> dict[str, float]:
    """Median and p95 (the smallest value that 95 % do not exceed)."""
    ordered = sorted(values)
    if not ordered:
        raise RuntimeError("nothing was measured")
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return {"median": round(median, digits), "p95": round(ordered[-(-len(ordered) * 19 // 20) - 1], digits)}
