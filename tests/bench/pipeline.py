"""Detection pipeline (frame in, boxes out) against OpenVINO's bare inference of the same graph, in the same run."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tools.detector.build import write

from guardian.edge.detectors.base import Frame
from guardian.edge.detectors.deimv2 import DeimV2
from guardian.edge.detectors.loading import Wanted, load
from guardian.edge.models.catalogue import catalogue
from guardian.edge.models.library import Library

GOAL = 0.85
WIDTH, HEIGHT = 640, 360
_THREADS = 1
_ROUNDS, _FRAMES = 9, 24
_WARM = 5


def run(model: str = "") -> dict[str, Any]:
    """Median and p95 of the ratio bare / pipeline over interleaved rounds, one thread, 640 x 360.

    Args:
        model: of the catalogue, or "shapes"; by default the catalogue's default where it is at hand, else shapes.
    """
    name = model or _best_at_hand()
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "shapes.onnx") if name == "shapes" else None
        catalogued = "" if path else name
        detector = load(Wanted(Path(folder), catalogued, path, device="CPU", threads=_THREADS, floor=0.15))
        if not isinstance(detector, DeimV2):
            raise TypeError("the bare run needs the compiled graph of a DEIMv2 detector")
        return {"model": name, **_measure(detector)}


def _best_at_hand() -> str:
    default = catalogue().default.name
    return default if Library(Path("nowhere")).verify(default).condition == "good" else "shapes"


def _measure(detector: DeimV2) -> dict[str, Any]:
    frames = _frames()
    bare = detector.compiled.create_infer_request()
    # A picture of the same kind in the same type and layout: nothing is left to do but infer.
    picture = np.ascontiguousarray(frames[0][: detector.input_size[0], : detector.input_size[1]])
    bare.set_tensor("images", _tensor(np.resize(picture, (1, *detector.input_size, 3))))
    bare.set_tensor("orig_target_sizes", _tensor(np.array([[1, 1]], np.int64)))
    for frame in frames[:_WARM]:
        detector.detect(frame)
        bare.infer()
    pairs = [_round(detector, bare.infer, frames) for _ in range(_ROUNDS)]
    ratios = sorted(plain / pipeline for plain, pipeline in pairs)
    return {
        "ratio": round(statistics.median(ratios), 3),
        # The worse end: 95 % of the rounds were at least this good.
        "ratio_p95": round(ratios[int(len(ratios) * 0.05)], 3),
        "goal": GOAL,
        "pipeline_ms": round(statistics.median(pipeline for _, pipeline in pairs), 3),
        "bare_ms": round(statistics.median(plain for plain, _ in pairs), 3),
        "threads": _THREADS,
        "frame": [WIDTH, HEIGHT],
        "baseline": "OpenVINO inference of the same compiled graph, interleaved",
        "rounds": _ROUNDS,
    }


def _round(detector: DeimV2, infer: Callable[[], object], frames: list[Frame]) -> tuple[float, float]:
    """Milliseconds of one bare inference and of one frame through the pipeline, taken in turns."""
    plain = pipeline = 0.0
    for frame in frames:
        start = time.perf_counter()
        infer()
        middle = time.perf_counter()
        detector.detect(frame)
        end = time.perf_counter()
        plain += middle - start
        pipeline += end - middle
    return plain / len(frames) * 1000, pipeline / len(frames) * 1000


def _frames() -> list[Frame]:
    """Different pictures, so that nothing is served from a warm cache of the one before."""
    noise = np.random.default_rng(3)
    return [noise.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(_FRAMES)]


def _tensor(values: Any) -> Any:
    # After the detectors, which keep its telemetry out.
    import openvino as ov

    return ov.Tensor(np.ascontiguousarray(values))


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
