"""The small picture of an event: in the shape of a card, the object in it, head first."""

import numpy as np
import pytest

from guardian.edge.detectors.base import Box, Frame
from guardian.edge.events.pictures import thumbnail

WIDE, HIGH = 960, 540


def scene(box: Box, width: int = WIDE, height: int = HIGH) -> Frame:
    """A dark frame with a bright object whose uppermost tenth is red."""
    frame = np.zeros((height, width, 3), np.uint8)
    left, right = round(box.x * width), round(box.right * width)
    top, bottom = round(box.y * height), round(box.bottom * height)
    frame[top:bottom, left:right] = (0, 200, 0)
    frame[top : top + max((bottom - top) // 10, 1), left:right] = (0, 0, 255)
    return frame


@pytest.mark.parametrize(
    "box",
    [
        Box(0.4, 0.1, 0.1, 0.7),
        Box(0, 0.2, 0.3, 0.5),
        Box(0.9, 0.8, 0.1, 0.2),
        Box(0.1, 0.4, 0.8, 0.1),
        Box(0.5, 0.5, 0.01, 0.02),
    ],
)
def test_every_crop_has_the_shape_of_a_card_and_holds_the_whole_object(box: Box) -> None:
    frame = scene(box)
    small = thumbnail(frame, box, HIGH)
    assert small.shape[1] / small.shape[0] == pytest.approx(16 / 9, rel=0.01)
    assert (small[:, :, 2] > 128).sum() == (frame[:, :, 2] > 128).sum()
    assert (small[:, :, 1] > 128).sum() == (frame[:, :, 1] > 128).sum()


def test_whoever_is_taller_than_the_crop_keeps_the_head() -> None:
    box = Box(0.3, 0.1, 0.4, 0.9)
    frame = scene(box, width=480, height=640)
    small = thumbnail(frame, box, 640)
    assert small.shape[1] / small.shape[0] == pytest.approx(16 / 9, rel=0.01)
    assert (small[:, :, 2] > 128).sum() == (frame[:, :, 2] > 128).sum()
    assert (small[:, :, 1] > 128).sum() < (frame[:, :, 1] > 128).sum()


def test_something_far_away_is_shown_with_its_surroundings() -> None:
    small = thumbnail(scene(box := Box(0.5, 0.5, 0.01, 0.02)), box, HIGH)
    assert small.shape[0] == pytest.approx(HIGH / 3, abs=1)


def test_without_a_box_the_whole_frame_is_shown() -> None:
    assert thumbnail(scene(Box(0, 0, 1, 1)), None, 270).shape[:2] == (270, 480)
