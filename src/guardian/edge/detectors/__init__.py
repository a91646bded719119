"""Detectors: a frame in, labelled boxes out. One module a head; `loading` chooses among them."""

import sys
from typing import cast

# OpenVINO's Python package counts its uses and, where nobody has said no, tells its makers. Without that module it
# takes the stand-in it brings along. This has to come before the first `import openvino`.
cast("dict[str, object]", sys.modules)["openvino_telemetry"] = None
