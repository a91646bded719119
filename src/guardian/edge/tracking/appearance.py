"""What an object looks like, small enough to compare by the thousand: a histogram of its colours."""

import cv2
import numpy as np
from numpy.typing import NDArray

from guardian.edge.detectors.base import Box, Frame

Look = NDArray[np.float32]
_BINS = (8, 4, 4)
_PATCH = (16, 32)
_MARGIN = 0.15


def look_at(frame: Frame, box: Box) -> Look:
    """The colours in the middle of the box (its rim is mostly background), as shares that sum to 1."""
    height, width = frame.shape[:2]
    left = int((box.x + box.width * _MARGIN) * width)
    right = max(int((box.right - box.width * _MARGIN) * width), left + 1)
    top = int((box.y + box.height * _MARGIN / 2) * height)
    bottom = max(int((box.bottom - box.height * _MARGIN / 2) * height), top + 1)
    crop = frame[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    if not crop.size:
        return np.zeros(np.prod(_BINS), np.float32)
    patch = cv2.cvtColor(cv2.resize(crop, _PATCH, interpolation=cv2.INTER_NEAREST), cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([patch], [0, 1, 2], None, list(_BINS), [0, 180, 0, 256, 0, 256])
    shares: Look = (counts.ravel() / (_PATCH[0] * _PATCH[1])).astype(np.float32)
    return shares


def unlikeness(a: Look, b: Look) -> float:
    """Hellinger distance of two looks: 0 the same, 1 nothing shared."""
    return float(np.sqrt(max(0.0, 1.0 - float(np.sqrt(a * b).sum()))))


def blend(old: Look, new: Look, weight: float = 0.1) -> Look:
    """The look over time: slow, so that a moment behind a lamp post does not change it."""
    return (1 - weight) * old + weight * new
