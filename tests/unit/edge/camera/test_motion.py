"""The gate: what counts as motion and what does not."""

import numpy as np
import pytest

from guardian.edge.camera.motion import MotionGate
from guardian.edge.config import MotionConfig

SHAPE = (54, 96)


def scene(seed: int = 0) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    random = np.random.default_rng(seed)
    return (110 + random.integers(-6, 7, SHAPE)).astype(np.uint8)


@pytest.fixture
def gate() -> MotionGate:
    gate = MotionGate(MotionConfig())
    for number in range(5):
        assert not gate.moved(scene(number))
    return gate


def test_noise_is_not_motion(gate: MotionGate):
    assert not any(gate.moved(scene(number)) for number in range(50))


@pytest.mark.parametrize(("height", "width"), [(3, 2), (6, 3), (30, 20)])
def test_a_small_shape_that_enters_is_motion(gate: MotionGate, height: int, width: int):
    picture = scene(9)
    picture[20 : 20 + height, 40 : 40 + width] = 200
    assert gate.moved(picture)


def test_what_stands_still_becomes_background_in_time(gate: MotionGate):
    picture = scene(9)
    picture[20:40, 40:50] = 200
    moved = [gate.moved(picture) for _ in range(300)]
    assert moved[0] and not moved[-1]


def test_light_switched_on_is_not_motion_and_is_learnt_at_once(gate: MotionGate):
    assert not gate.moved(scene(9) + np.uint8(90))
    assert not gate.moved(scene(10) + np.uint8(90))


def test_another_picture_size_begins_anew(gate: MotionGate):
    assert not gate.moved(np.full((10, 10), 200, np.uint8))
