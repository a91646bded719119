"""The small detector and, where they are at hand, trained weights through the same adapter."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.analyzing.scenes import BLUE, GREEN, RED, YELLOW, background, models_at_hand
from tools.detector.build import write

from guardian.edge.detectors.base import Box, Detector
from guardian.edge.detectors.loading import Wanted, load
from guardian.edge.detectors.runtime import choose_device
from guardian.edge.models.catalogue import ModelError
from guardian.edge.tracking.geometry import iou

NAMES = ["shapes", *models_at_hand()]


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("model") / "shapes.onnx")


def detector(name: str, shapes: Path) -> Detector:
    path = shapes if name == "shapes" else None
    return load(Wanted(Path("nowhere"), "" if path else name, path, device="CPU", threads=1))


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_of_any_size_is_looked_at_and_an_empty_one_shows_nothing_sure(name: str, shapes: Path) -> None:
    found = detector(name, shapes)
    for height, width in ((360, 640), (1080, 1920), (240, 320), (17, 999)):
        frame = np.asarray(cv2.resize(background(), (width, height)), np.uint8)
        assert [item for item in found.detect(frame) if item.score > 0.9] == []
    assert len(found.labels) == 80


@pytest.mark.parametrize(
    ("colour", "label"), [(RED, "person"), (GREEN, "person"), (BLUE, "car"), (YELLOW, "car")], ids=str
)
def test_a_coloured_rectangle_is_found_where_it_is(shapes: Path, colour: tuple[int, int, int], label: str) -> None:
    frame = background().copy()
    cv2.rectangle(frame, (128, 90), (191, 269), colour, -1)
    (found,) = [item for item in detector("shapes", shapes).detect(frame) if item.score > 0.3]
    assert found.label == label
    assert found.score > 0.9
    assert iou(found.box, Box(0.2, 0.25, 0.1, 0.5)) > 0.9


def test_colours_that_bled_through_a_video_codec_are_still_found(shapes: Path) -> None:
    frame = background().copy()
    for at, colour in ((40, RED), (200, GREEN), (360, BLUE), (500, YELLOW)):
        cv2.rectangle(frame, (at, 90), (at + 60, 240), colour, -1)
    planes = cv2.cvtColor(frame, cv2.COLOR_BGR2YUV)
    coarse = cv2.resize(cv2.resize(planes[..., 1:], (160, 90), interpolation=cv2.INTER_AREA), (640, 360))
    bled = np.asarray(cv2.cvtColor(np.dstack([planes[..., :1], coarse]), cv2.COLOR_YUV2BGR), np.uint8)
    found = [item for item in detector("shapes", shapes).detect(bled) if item.score > 0.7]
    assert sorted(item.label for item in found) == ["car", "car", "person", "person"]


def test_specks_of_colour_are_no_objects(shapes: Path) -> None:
    frame = background().copy()
    for x, y in np.random.default_rng(5).integers((0, 0), (640, 360), (40, 2)):
        frame[y : y + 2, x : x + 2] = RED
    assert [item for item in detector("shapes", shapes).detect(frame) if item.score > 0.4] == []


def corrupt(path: Path, shapes: Path) -> None:
    path.write_bytes(shapes.read_bytes()[:2000])


def noise(path: Path, shapes: Path) -> None:
    path.write_bytes(b"\x00\x01" * 500)


def empty(path: Path, shapes: Path) -> None:
    path.write_bytes(b"")


def other_outputs(path: Path, shapes: Path) -> None:
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, [1, 3, 32, 32])
    node = helper.make_node("Relu", ["images"], ["result"])
    graph = helper.make_graph([node], "relu", [picture], [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (corrupt, "model_corrupt"),
        (noise, "model_corrupt"),
        (empty, "model_corrupt"),
        (other_outputs, "model_outputs"),
    ],
)
def test_a_bad_model_is_refused_with_a_sentence(tmp_path: Path, shapes: Path, spoil: object, reason: str) -> None:
    path = tmp_path / "bad.onnx"
    assert callable(spoil)
    spoil(path, shapes)
    with pytest.raises(ModelError) as refused:
        load(Wanted(tmp_path, path=path))
    assert refused.value.reason == reason
    assert str(refused.value)[0].isupper()


def test_a_head_nobody_has_is_refused(tmp_path: Path, shapes: Path) -> None:
    with pytest.raises(ModelError) as refused:
        load(Wanted(tmp_path, path=shapes, head="yolov99"))
    assert refused.value.reason == "head_unknown"


def test_the_device_is_chosen_or_its_absence_explained() -> None:
    assert choose_device("auto", ["CPU"]) == "CPU"
    assert choose_device("auto", ["CPU", "GPU.0", "GPU.1"]) == "GPU"
    assert choose_device("gpu.1", ["CPU", "GPU.0", "GPU.1"]) == "GPU.1"
    with pytest.raises(ModelError, match="OpenVINO sees: CPU") as refused:
        choose_device("GPU", ["CPU"])
    assert refused.value.reason == "device_missing"
    with pytest.raises(ModelError):
        choose_device("auto", [])


def test_openvino_tells_nobody_that_it_is_used(tmp_path: Path):
    """It would keep an id at home and, unless somebody said no, send what is used."""
    program = "import guardian.edge.detectors.runtime, openvino.tools.ovc.main as ovc\nprint(ovc.tm.__name__)\n"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == ["openvino.tools.ovc.telemetry_stub"]
    assert ended.stderr == ""
    assert list(tmp_path.iterdir()) == []
