"""Edges as browsers see them."""

from guardian.control.cameras.schemas import State
from guardian.control.schemas import HEX_EXAMPLE, TIME_EXAMPLE, B64u, Hash, Hex, Message, Time, example

_EDGE = {
    "id": HEX_EXAMPLE,
    "name": "Hallway box",
    "node_id": HEX_EXAMPLE,
    "sign_public": "A" * 43,
    "receive_public": "A" * 1622,
    "enrolled_at": TIME_EXAMPLE,
    "online": True,
    "last_seen": TIME_EXAMPLE,
    "software_version": "0.1.0",
    "detector": {"state": "ok", "reason": "", "sentence": "DEIMv2 on CPU."},
    "roster": {"entries": 2, "head": "00" * 32, "fault": ""},
    "cpu_percent": 12.5,
    "memory_bytes": 900_000_000,
    "disk_free_bytes": 100_000_000_000,
    "disk_total_bytes": 250_000_000_000,
    "outbox_waiting": 0,
}


class Detector(Message):
    """State of the edge's detector."""

    state: State
    reason: str
    sentence: str


class EdgeRoster(Message):
    """Which chain the edge follows; compare `head` with your own."""

    entries: int
    head: Hash
    fault: str


class Edge(Message):
    """Keys are the edge's own, as its node passed them on: compare the words before you trust them."""

    model_config = example(_EDGE)

    id: Hex
    name: str
    node_id: Hex
    sign_public: B64u
    receive_public: B64u
    enrolled_at: Time | None
    online: bool
    last_seen: Time | None
    software_version: str
    detector: Detector
    roster: EdgeRoster
    cpu_percent: float
    memory_bytes: int
    disk_free_bytes: int
    disk_total_bytes: int
    outbox_waiting: int
