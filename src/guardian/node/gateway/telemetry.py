"""What the node keeps of an edge's telemetry: one edge must not be able to spoil the report on all of them."""

import re

from google.protobuf.message import Message

from guardian.common.errors import PeerError
from guardian.common.ids import is_camera_id
from guardian.contracts.edge.v1 import edge_pb2

# As many as the control plane takes of one edge.
MAX_CAMERAS = 100
# The gateway lists all edges in one message.
MAX_BYTES = 64 << 10
_SENTENCE, _WORD = 500, 64
_LONG = frozenset({"sentence", "roster_fault"})
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_STATES = frozenset(edge_pb2.ComponentState.values())


def check(status: edge_pb2.EdgeStatus) -> bytes:
    """The serialised status, its texts plain and short; PeerError `telemetry_malformed` otherwise."""
    kept = edge_pb2.EdgeStatus()
    kept.CopyFrom(status)
    kept.DiscardUnknownFields()
    del kept.cameras[MAX_CAMERAS:]
    for part in (kept, kept.detector, *kept.cameras):
        _shorten(part)
    states = [kept.detector.state, *(camera.state for camera in kept.cameras)]
    names = [camera.id for camera in kept.cameras]
    good = all(is_camera_id(name) for name in names) and len(set(names)) == len(names)
    good = good and len(kept.roster_head) in (0, 32) and all(state in _STATES for state in states)
    data = kept.SerializeToString()
    if not good or len(data) > MAX_BYTES:
        raise PeerError("The telemetry is malformed.", reason="telemetry_malformed")
    return data


def _shorten(part: Message) -> None:
    for field, value in part.ListFields():
        if isinstance(value, str) and field.name != "id":
            limit = _SENTENCE if field.name in _LONG or field.name.endswith("_sentence") else _WORD
            setattr(part, field.name, _UNPRINTABLE.sub(" ", value)[:limit])
