"""How boxes lie to each other."""

import math

from guardian.edge.detectors.base import Box

# Detectors leave a little room between an object and the border that cuts it.
BORDER = 0.015


def intersection(a: Box, b: Box) -> float:
    """Shared area, as a share of the picture."""
    width = min(a.right, b.right) - max(a.x, b.x)
    height = min(a.bottom, b.bottom) - max(a.y, b.y)
    return max(width, 0.0) * max(height, 0.0)


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0 to 1."""
    shared = intersection(a, b)
    union = a.area + b.area - shared
    return shared / union if union > 0 else 0.0


def containment(inner: Box, outer: Box) -> float:
    """The share of `inner` that lies in `outer`."""
    return intersection(inner, outer) / inner.area if inner.area > 0 else 0.0


def distance(a: Box, b: Box) -> float:
    """Between the centres, in units of the boxes' mean half-diagonal: 1 is about half a body."""
    (ax, ay), (bx, by) = a.centre, b.centre
    reach = (math.hypot(a.width, a.height) + math.hypot(b.width, b.height)) / 4
    return math.hypot(ax - bx, ay - by) / reach if reach > 0 else math.inf


def size_ratio(a: Box, b: Box) -> float:
    """The smaller area over the larger, 0 to 1."""
    small, large = sorted((a.area, b.area))
    return small / large if large > 0 else 0.0


def touches_border(box: Box) -> bool:
    """Whether the picture's border cuts the box."""
    return box.x <= BORDER or box.y <= BORDER or box.right >= 1 - BORDER or box.bottom >= 1 - BORDER


def touches_side(box: Box) -> bool:
    """Whether the left or right border cuts it: people and cars leave there far more often than upwards."""
    return box.x <= BORDER or box.right >= 1 - BORDER


def moved(box: Box, dx: float, dy: float) -> Box:
    """The box shifted."""
    return Box(box.x + dx, box.y + dy, box.width, box.height)
