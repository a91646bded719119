"""Builds the small detector: a graph that finds coloured rectangles in drawn frames, with DEIMv2's inputs and outputs.

Tests and demonstrations that need a detector, but have no trained weights at hand, run on it through the same
adapter. Saturated red and green are persons, blue and yellow cars; one object a colour at a time.

    python tools/detector/build.py FILE.onnx
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 192
PERSON, CAR = 0, 2
# H.264 in 4:2:0 bleeds colours at the rims; textured backgrounds stay far below this.
CONTRAST = 0.25
# A row or column belongs to the rectangle from so many points of its colour on: lone points are noise.
RUN = 3.0
LEAST_AREA = 30.0
HUES = (("red", PERSON), ("green", PERSON), ("blue", CAR), ("yellow", CAR))


class _Graph:
    """Collects nodes; names are given as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """A node of one output, whose name is returned."""
        output = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, value: object, kind: type = np.float32) -> str:
        """A constant tensor."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name


def build() -> onnx.ModelProto:
    """The model: images [1,3,S,S] RGB 0..1 and orig_target_sizes [1,2] in; labels, boxes, scores [1,4(,4)] out."""
    graph = _Graph()
    red, green, blue = (_channel(graph, index) for index in range(3))
    masks = {
        "red": _stands_out(graph, red, graph.add("Max", green, blue)),
        "green": _stands_out(graph, green, graph.add("Max", red, blue)),
        "blue": _stands_out(graph, blue, graph.add("Max", red, green)),
        "yellow": _stands_out(graph, graph.add("Min", red, green), blue),
    }
    found = [_box_and_score(graph, masks[hue]) for hue, _ in HUES]
    sizes = graph.add("Cast", "orig_target_sizes", to=TensorProto.FLOAT)
    scale = graph.add("Reshape", graph.add("Concat", sizes, sizes, axis=1), graph.constant([1, 1, 4], np.int64))
    relative = graph.add("Concat", *(box for box, _ in found), axis=1)
    graph.add("Mul", relative, scale, name="boxes")
    graph.add("Concat", *(score for _, score in found), axis=1, name="scores")
    graph.add("Identity", graph.constant([[label for _, label in HUES]], np.int64), name="labels")
    return _model(graph)


def _channel(graph: _Graph, index: int) -> str:
    """One colour of the picture, [1,1,S,S]."""
    return graph.add("Gather", "images", graph.constant([index], np.int64), axis=1)


def _stands_out(graph: _Graph, colour: str, other: str) -> str:
    """1 where a colour is stronger than the others by `CONTRAST`, else 0."""
    difference = graph.add("Sub", colour, other)
    return graph.add("Cast", graph.add("Greater", difference, graph.constant(CONTRAST)), to=TensorProto.FLOAT)


def _box_and_score(graph: _Graph, mask: str) -> tuple[str, str]:
    """Corners [1,1,4] relative to the picture, and the share of them that is filled [1,1]; 0 when too small."""
    left, right = _extent(graph, mask, axis=2)
    top, bottom = _extent(graph, mask, axis=3)
    area = graph.add("Mul", graph.add("Sub", right, left), graph.add("Sub", bottom, top))
    points = graph.add("ReduceSum", mask, graph.constant([1, 2, 3], np.int64), keepdims=0)
    fill = graph.add("Div", points, graph.add("Max", area, graph.constant(1.0)))
    large = graph.add("Cast", graph.add("Greater", area, graph.constant(LEAST_AREA)), to=TensorProto.FLOAT)
    sure = graph.add("Mul", graph.add("Min", fill, graph.constant(0.95)), large)
    score = graph.add("Reshape", sure, graph.constant([1, 1], np.int64))
    shape = graph.constant([1, 1, 1], np.int64)
    corners = graph.add("Concat", *(graph.add("Reshape", edge, shape) for edge in (left, top, right, bottom)), axis=2)
    return graph.add("Div", corners, graph.constant(float(SIZE))), score


def _extent(graph: _Graph, mask: str, *, axis: int) -> tuple[str, str]:
    """First and one past the last column (axis 2: summed over rows) or row (axis 3) with a run of the colour."""
    counts = graph.add("ReduceSum", mask, graph.constant([axis], np.int64), keepdims=0)
    flat = graph.add("Reshape", counts, graph.constant([1, SIZE], np.int64))
    there = graph.add("Cast", graph.add("GreaterOrEqual", flat, graph.constant(RUN)), to=TensorProto.FLOAT)
    last = graph.add("Mul", there, graph.constant([np.arange(1, SIZE + 1)]))
    first = graph.add("Mul", there, graph.constant([np.arange(SIZE, 0, -1)]))
    end = graph.add("ReduceMax", last, axes=[1], keepdims=0)
    start = graph.add("Sub", graph.constant([float(SIZE)]), graph.add("ReduceMax", first, axes=[1], keepdims=0))
    # Nothing found would give start = S, end = 0: an empty box instead.
    return graph.add("Min", start, end), end


def _model(graph: _Graph) -> onnx.ModelProto:
    boxes = len(HUES)
    inputs = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE]),
        helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [1, 2]),
    ]
    outputs = [
        helper.make_tensor_value_info("labels", TensorProto.INT64, [1, boxes]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, boxes, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, boxes]),
    ]
    body = helper.make_graph(graph.nodes, "shapes", inputs, outputs, graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def write(path: Path) -> Path:
    """Build and save; returns the path."""
    onnx.save(build(), str(path))
    return path


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(write(Path(sys.argv[1])))
