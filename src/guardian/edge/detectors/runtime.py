"""OpenVINO: which device to run on, and compiling a graph for it."""

from functools import cache
from pathlib import Path
from typing import Any

import openvino as ov

from guardian.edge.models.catalogue import ModelError

# The order in which "auto" prefers devices: an integrated GPU leaves the processor to decoding and sealing.
_PREFERRED = ("GPU", "CPU")


@cache
def core() -> ov.Core:
    """One OpenVINO for the process: loading its plug-ins twice costs memory for nothing."""
    return ov.Core()


def choose_device(wanted: str, available: list[str]) -> str:
    """The device to run on.

    Args:
        wanted: "auto", or a device as OpenVINO names it, e.g. "CPU", "GPU", "GPU.1".
    """
    if wanted.lower() == "auto":
        for kind in _PREFERRED:
            if any(device.split(".")[0] == kind for device in available):
                return kind
        raise ModelError("OpenVINO finds no device to run a detector on.", reason="device_missing")
    name = wanted.upper()
    if name in available or any(device.split(".")[0] == name for device in available):
        return name
    raise ModelError(
        f"There is no device {name} for the detector here.",
        reason="device_missing",
        hint=f"OpenVINO sees: {', '.join(available) or 'none'}. Set model.device to one of them, or to auto.",
    )


def read_graph(path: Path) -> ov.Model:
    """A graph from ONNX or OpenVINO IR; ModelError when the file is not one."""
    try:
        return core().read_model(path)
    except RuntimeError as error:
        raise ModelError(
            f"The detector model {path} cannot be read: it is damaged or not a model.",
            reason="model_corrupt",
            hint="Fetch it again, or point model.path at an ONNX or OpenVINO file.",
        ) from error


def compile_graph(graph: ov.Model, device: str, threads: int) -> ov.CompiledModel:
    """Compile for latency on `threads` CPU threads (0: as many as OpenVINO likes)."""
    options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
    if device == "CPU":
        options["NUM_STREAMS"] = 1
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
    try:
        return core().compile_model(graph, device, options)
    except RuntimeError as error:
        raise ModelError(
            f"The detector model cannot be prepared for {device}: {str(error).strip().splitlines()[-1][:200]}",
            reason="model_compile",
        ) from error
