"""DEIMv2: a transformer head that needs no NMS. Picture resized without letterbox, scaled to 0..1, RGB."""

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino.preprocess import ColorFormat, PrePostProcessor

from guardian.edge.detectors.base import Box, Detection, Frame
from guardian.edge.detectors.runtime import compile_graph
from guardian.edge.models.catalogue import ModelError

_INPUTS = {"images", "orig_target_sizes"}
_OUTPUTS = ("labels", "boxes", "scores")
# With a target size of 1 x 1 the graph gives boxes relative to the picture, whatever the frame's size.
_RELATIVE = np.array([[1, 1]], np.int64)


class DeimV2:
    """The adapter of the DEIMv2 head.

    Layout, colour and scale are done in the graph on unsigned bytes (measured cheaper than outside); resizing is done
    outside by OpenCV (measured cheaper than in the graph).
    """

    def __init__(
        self, graph: ov.Model, *, model: str, labels: tuple[str, ...], device: str, threads: int, floor: float
    ) -> None:
        """
        Args:
            floor: detections below this score are not even looked at.
        """
        self.model, self.labels, self.device = model, labels, device
        self._floor = floor
        self.input_size = _check(graph, model)
        self._compiled = compile_graph(_with_preprocessing(graph, self.input_size), device, threads)
        self._request = self._compiled.create_infer_request()
        self._picture: NDArray[np.uint8] = np.zeros((1, *self.input_size, 3), np.uint8)
        # The request reads the picture from this very memory: nothing is copied on the way in.
        self._request.set_tensor("images", ov.Tensor(self._picture, shared_memory=True))
        self._request.set_tensor("orig_target_sizes", ov.Tensor(_RELATIVE))
        self._try_out()

    @property
    def compiled(self) -> ov.CompiledModel:
        """The compiled graph, for a bench to run bare."""
        return self._compiled

    def detect(self, frame: Frame) -> list[Detection]:
        """Objects in a BGR frame, best score first."""
        height, width = self.input_size
        cv2.resize(frame, (width, height), dst=self._picture[0], interpolation=cv2.INTER_LINEAR)
        self._request.infer()
        scores = self._request.get_tensor("scores").data[0]
        kept = np.flatnonzero(scores > self._floor)
        if not kept.size:
            return []
        labels = self._request.get_tensor("labels").data[0]
        boxes = self._request.get_tensor("boxes").data[0]
        ordered = kept[np.argsort(-scores[kept])]
        found = [self._detection(int(labels[index]), float(scores[index]), boxes[index]) for index in ordered]
        # A box without area, or wholly outside, is no object.
        return [item for item in found if item.box.area > 0]

    def _detection(self, label: int, score: float, corners: NDArray[np.float32]) -> Detection:
        left, top, right, bottom = (float(value) for value in corners)
        name = self.labels[label] if 0 <= label < len(self.labels) else f"class_{label}"
        return Detection(name, score, Box(left, top, right - left, bottom - top).clipped())

    def _try_out(self) -> None:
        """One inference on a blank picture: a graph that cannot run is refused before it is used."""
        try:
            self._request.infer()
        except RuntimeError as error:
            raise ModelError(f"The detector model {self.model} does not run.", reason="model_runs_not") from error
        shapes = [tuple(self._request.get_tensor(name).shape) for name in _OUTPUTS]
        boxes = self._request.get_tensor("boxes").data
        if shapes[0] != shapes[2] or shapes[1] != (*shapes[0], 4) or not np.isfinite(boxes).all():
            raise ModelError(
                f"The detector model {self.model} gives outputs of an unexpected form {shapes}.", reason="model_outputs"
            )


def _check(graph: ov.Model, model: str) -> tuple[int, int]:
    """Height and width of the picture input; ModelError unless inputs and outputs are DEIMv2's."""
    inputs = {name for port in graph.inputs for name in port.names}
    outputs = {name for port in graph.outputs for name in port.names}
    if not inputs >= _INPUTS or not outputs.issuperset(_OUTPUTS):
        raise ModelError(
            f"The model {model} is not of the head deimv2: its outputs are {', '.join(sorted(outputs)) or 'unnamed'}.",
            reason="model_outputs",
            hint="Choose a model of the catalogue (guardian model list), or the head it was made with.",
        )
    shape = graph.input("images").partial_shape
    if shape.rank.is_dynamic or len(shape) != 4 or shape[2].is_dynamic or shape[3].is_dynamic:
        raise ModelError(f"The model {model} has no fixed picture size.", reason="model_inputs")
    return shape[2].get_length(), shape[3].get_length()


def _with_preprocessing(graph: ov.Model, size: tuple[int, int]) -> ov.Model:
    graph.reshape({"images": [1, 3, *size], "orig_target_sizes": [1, 2]})
    steps = PrePostProcessor(graph)
    picture = steps.input("images")
    picture.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(ColorFormat.BGR)
    picture.model().set_layout(ov.Layout("NCHW"))
    picture.preprocess().convert_element_type(ov.Type.f32).convert_color(ColorFormat.RGB).scale(255.0)
    return steps.build()
