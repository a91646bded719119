"""How the nodes, their edges and cameras are, as counts: no household can be told from them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from guardian.contracts.control.v1.control_pb2 import HealthState, ReportHealthRequest
from guardian.control.agents.caller import Caller

_STATES = {
    HealthState.HEALTH_STATE_OK: "ok",
    HealthState.HEALTH_STATE_DEGRADED: "degraded",
    HealthState.HEALTH_STATE_FAILED: "failed",
}
_CAMERA_STATES = ("ok", "waiting", "degraded", "failed")
# A silent node is looked up so often, in case it was revoked.
_LOOK_AGAIN = 60.0


@dataclass(frozen=True)
class _Said:
    """What a node's last report comes to."""

    edges: Counter[str]
    cameras: Counter[str]
    waiting: int


class Figures(Collector):
    """What `/metrics` says of nodes since this daemon's start."""

    def __init__(self) -> None:
        self._said: dict[Caller, _Said] = {}
        # When each silent node is to be looked up again (monotonic).
        self._silent: dict[Caller, float] = {}

    def reported(self, caller: Caller, report: ReportHealthRequest) -> None:
        """A node's report, checked and stored."""
        online = [edge for edge in report.edges if edge.online]
        self._said[caller] = _Said(
            edges=Counter("online" if edge.online else "offline" for edge in report.edges),
            # What an edge said before it went away says nothing of its cameras now.
            cameras=Counter(_STATES.get(camera.state, "waiting") for edge in online for camera in edge.cameras),
            waiting=sum(edge.outbox_waiting for edge in online),
        )
        self._silent.pop(caller, None)

    def silent(self, caller: Caller) -> None:
        """A node's last report has become old."""
        self._said.pop(caller, None)
        self._silent[caller] = 0.0

    def to_look_at(self, moment: float) -> list[Caller]:
        """Silent nodes nobody has looked up lately; they count as looked up from now on."""
        due = [caller for caller, at in self._silent.items() if at <= moment]
        self._silent.update(dict.fromkeys(due, moment + _LOOK_AGAIN))
        return due

    def forget(self, caller: Caller) -> None:
        """The node was revoked."""
        self._silent.pop(caller, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Sums over all nodes."""
        said = list(self._said.values())
        edges = sum((item.edges for item in said), Counter[str]())
        cameras = sum((item.cameras for item in said), Counter[str]())
        yield _family(
            "guardian_agents_nodes",
            "Nodes, by whether they report",
            {"reporting": len(said), "silent": len(self._silent)},
        )
        yield _family(
            "guardian_agents_edges", "Edges of nodes that report", {name: edges[name] for name in ("online", "offline")}
        )
        counts = {name: cameras[name] for name in _CAMERA_STATES}
        yield _family("guardian_agents_cameras", "Cameras of edges that are online, by state", counts)
        text = "Event revisions that edges which are online have yet to send"
        yield GaugeMetricFamily("guardian_agents_outbox_waiting", text, value=sum(item.waiting for item in said))


def _family(name: str, text: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=["state"])
    for state, value in values.items():
        family.add_metric([state], value)
    return family
