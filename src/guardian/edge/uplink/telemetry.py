"""What the node is told of this edge every few seconds: its daemons' own words from their health sockets."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
from google.protobuf.timestamp_pb2 import Timestamp

from guardian.common.clock import from_text, now
from guardian.common.dialling import Line
from guardian.common.ids import is_camera_id
from guardian.common.sockets import health_socket
from guardian.contracts.edge.v1 import edge_pb2, edge_pb2_grpc
from guardian.edge.config import EdgeConfig, list_cameras
from guardian.edge.uplink.host import Host

_TIMEOUT = 2.0
_MAX_ANSWER = 256 << 10
# Sockets speak plain HTTP; httpx would load all authorities of the system for each of them.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_STATES = {
    "ok": edge_pb2.COMPONENT_STATE_OK,
    "waiting": edge_pb2.COMPONENT_STATE_WAITING,
    "degraded": edge_pb2.COMPONENT_STATE_DEGRADED,
    "failed": edge_pb2.COMPONENT_STATE_FAILED,
}
_ORDER = list(_STATES)


class Telemetry:
    """Gathers and sends. `fill` adds what only the uplink knows: roster and outbox."""

    def __init__(
        self,
        settings: EdgeConfig,
        channel: grpc.aio.Channel,
        names: Callable[[], Mapping[str, str]],
        fill: Callable[[edge_pb2.EdgeStatus], None],
    ) -> None:
        self.settings = settings
        self._stub = edge_pb2_grpc.EdgeServiceStub(channel)
        self._names = names
        self._fill = fill
        self._host = Host(settings.state_dir)
        # Cameras by id, as last seen: what a command may name.
        self.cameras: dict[str, str] = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something worth telling at once has changed."""
        self._wake.set()

    async def work(self, line: Line) -> None:
        """Send every few seconds, until a call fails."""
        while True:
            status = await self.status()
            moment = Timestamp()
            moment.FromDatetime(now())
            await self._stub.SendTelemetry(edge_pb2.SendTelemetryRequest(time=moment, status=status), timeout=10)
            line.up("The node knows how this edge is.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.settings.uplink.telemetry_interval):
                    await self._wake.wait()
            self._wake.clear()

    async def status(self) -> edge_pb2.EdgeStatus:
        """All of it, as of now."""
        run_dir = self.settings.run_dir
        sockets = {path.parent.name.removeprefix("camera@") for path in run_dir.glob("camera@*/health.sock")}
        ids = sorted({*sockets, *list_cameras(self.settings)})
        ids = [item for item in ids if is_camera_id(item)][:256]
        detector, *answers = await asyncio.gather(
            read_health(health_socket(run_dir, "analyzer")),
            *(read_health(health_socket(run_dir, f"camera@{item}")) for item in ids),
        )
        figures = await asyncio.to_thread(self._host.look)
        names = await asyncio.to_thread(self._names)
        status = edge_pb2.EdgeStatus(
            software_version=version("guardian"),
            cameras=[
                camera_status(item, names.get(item, ""), answer) for item, answer in zip(ids, answers, strict=True)
            ],
            detector=detector_status(detector),
            cpu_percent=figures.cpu_percent,
            memory_bytes=figures.memory,
            disk_free_bytes=figures.disk_free,
            disk_total_bytes=figures.disk_total,
        )
        self.cameras = {camera.id: camera.name for camera in status.cameras}
        await asyncio.to_thread(self._fill, status)
        return status


async def read_health(socket: Path) -> dict[str, Any] | None:
    """`GET /health` of a daemon; None when it does not answer as one."""
    transport = httpx.AsyncHTTPTransport(uds=str(socket), verify=_NO_TLS)
    try:
        async with httpx.AsyncClient(transport=transport, timeout=_TIMEOUT) as client:
            answer = await client.get("http://daemon/health")
            body = answer.json() if answer.status_code == 200 and len(answer.content) <= _MAX_ANSWER else None
    except (httpx.HTTPError, OSError, ValueError):
        return None
    return body if isinstance(body, dict) else None


def camera_status(camera: str, given_name: str, answer: dict[str, Any] | None) -> edge_pb2.CameraStatus:
    """A camera's state from its daemon's answer; a name a member gave wins over the configured one."""
    if answer is None:
        return edge_pb2.CameraStatus(
            id=camera,
            name=given_name or camera,
            state=edge_pb2.COMPONENT_STATE_FAILED,
            reason="daemon_away",
            sentence="The camera's daemon is not running on the edge.",
        )
    worst = _worst(answer, "camera")
    detail = _detail(answer, "camera")
    status = edge_pb2.CameraStatus(
        id=camera,
        name=given_name or _text(detail, "name", 64) or camera,
        state=_STATES.get(str(worst.get("state")), edge_pb2.COMPONENT_STATE_UNSPECIFIED),
        reason=_text(worst, "reason", 64),
        sentence=_text(worst, "sentence", 512),
        fps=_number(detail, "fps", 1000.0),
        width=int(_number(detail, "width", 65535)),
        height=int(_number(detail, "height", 65535)),
        codec=_text(detail, "codec", 64),
        recording=detail.get("recording") is True,
    )
    with contextlib.suppress(ValueError, KeyError, TypeError):
        status.last_frame.FromDatetime(from_text(detail["last_frame"]))
    return status


def detector_status(answer: dict[str, Any] | None) -> edge_pb2.DetectorStatus:
    """The detector's state from the analyzer's answer."""
    if answer is None:
        return edge_pb2.DetectorStatus(
            state=edge_pb2.COMPONENT_STATE_FAILED,
            reason="daemon_away",
            sentence="The analyzer is not running on the edge.",
        )
    worst = _worst(answer, "detector")
    detail = _detail(answer, "detector")
    return edge_pb2.DetectorStatus(
        state=_STATES.get(str(worst.get("state")), edge_pb2.COMPONENT_STATE_UNSPECIFIED),
        reason=_text(worst, "reason", 64),
        sentence=_text(worst, "sentence", 512),
        model=_text(detail, "model", 128),
        device=_text(detail, "device", 64),
        inference_ms=_number(detail, "inference_ms", 1e6),
    )


def _worst(answer: dict[str, Any], main: str) -> dict[str, Any]:
    """The dependency that decides; of equals, the daemon's main one."""
    found = answer.get("dependencies")
    parts = {name: item for name, item in found.items() if isinstance(item, dict)} if isinstance(found, dict) else {}
    if not parts:
        return {"state": answer.get("state"), "sentence": answer.get("status", "")}

    def rank(name: str) -> tuple[int, bool]:
        state = parts[name].get("state")
        return (_ORDER.index(state) if state in _ORDER else 0, name == main)

    return parts[max(parts, key=rank)]


def _detail(answer: dict[str, Any], name: str) -> dict[str, Any]:
    with contextlib.suppress(KeyError, TypeError):
        detail = answer["dependencies"][name]["detail"]
        return detail if isinstance(detail, dict) else {}
    return {}


def _text(source: dict[str, Any], name: str, limit: int) -> str:
    value = source.get(name)
    return value[:limit] if isinstance(value, str) else ""


def _number(source: dict[str, Any], name: str, limit: float) -> float:
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value <= limit else 0.0
