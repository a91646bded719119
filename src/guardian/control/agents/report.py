"""A node's health report, checked and put into rows."""

import math
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import Message

from guardian.common.clock import now
from guardian.common.ids import is_camera_id, parse_hex_id
from guardian.contracts.control.v1.control_pb2 import CameraHealth, EdgeHealth, HealthState, ReportHealthRequest
from guardian.control.cameras.repository import CameraRepository
from guardian.control.database.engine import Database, TenantScope
from guardian.control.edges.repository import EdgeRepository
from guardian.control.errors import ControlError
from guardian.control.nodes.repository import NodeRepository
from guardian.control.schemas import plain

MAX_EDGES = 100
MAX_CAMERAS = 100
_MAX_INT = 2**53 - 1
_STATES = {
    HealthState.HEALTH_STATE_OK: "ok",
    HealthState.HEALTH_STATE_DEGRADED: "degraded",
    HealthState.HEALTH_STATE_FAILED: "failed",
}


class ReportService:
    """Keeps what nodes say of themselves and their edges."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, tenant_id: str, node_id: str, report: ReportHealthRequest) -> None:
        """400 `malformed` when an edge in it cannot be one."""
        _check(report)
        async with self._database.tenant(tenant_id) as scope:
            await scope.lock(f"report/{node_id}")
            await NodeRepository(scope).report(
                node_id,
                seen=now(),
                relay_url=relay_origin(report.relay_url),
                software_version=plain(report.software_version, 64),
            )
            edges = EdgeRepository(scope)
            owners = await edges.owners()
            mine = [edge for edge in report.edges if owners.get(edge.id, node_id) == node_id]
            for edge in sorted(mine, key=lambda item: item.id):
                await edges.report(_edge(edge, node_id))
                await _cameras(scope, edge)
            await edges.gone(node_id, [edge.id for edge in mine])
            await scope.notify("cameras")

    async def silent(self, tenant_id: str) -> None:
        """A node's news have become old: browsers look again."""
        async with self._database.tenant(tenant_id) as scope:
            await scope.notify("cameras")


def relay_origin(url: str) -> str:
    """Scheme, host and port of a relay; empty for anything else, since browsers will go there."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    plain = parts.path in ("", "/") and not parts.query and not parts.fragment and parts.username is None
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or len(url) > 300:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if not re.fullmatch(r"[A-Za-z0-9.\[\]:-]+", host):
        return ""
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


async def _cameras(scope: TenantScope, edge: EdgeHealth) -> None:
    repository = CameraRepository(scope)
    for camera in sorted(edge.cameras, key=lambda item: item.id):
        await repository.report(_camera(camera, edge.id))
    # An edge that has not reported yet has not said that it has no cameras.
    if edge.software_version:
        await repository.gone(edge.id, [camera.id for camera in edge.cameras])


def _check(report: ReportHealthRequest) -> None:
    good = len(report.edges) <= MAX_EDGES and len({edge.id for edge in report.edges}) == len(report.edges)
    for edge in report.edges:
        good = good and len(edge.cameras) <= MAX_CAMERAS and len(edge.sign_public) in (0, 32)
        good = good and len(edge.receive_public) in (0, 1216) and len(edge.roster_head) in (0, 32)
        good = good and all(is_camera_id(camera.id) for camera in edge.cameras)
        good = good and len({camera.id for camera in edge.cameras}) == len(edge.cameras)
        try:
            parse_hex_id(edge.id)
        except ValueError:
            good = False
    if not good:
        raise ControlError("The health report is not of the allowed form.", reason="malformed")


def _edge(edge: EdgeHealth, node_id: str) -> dict[str, Any]:
    return {
        "id": edge.id,
        "node_id": node_id,
        "name": plain(edge.name, 64),
        "sign_public": edge.sign_public,
        "receive_public": edge.receive_public,
        "enrolled_at": _time(edge, "enrolled_at"),
        "last_seen": _time(edge, "last_seen"),
        "online": edge.online,
        "software_version": plain(edge.software_version, 64),
        "detector_state": _STATES.get(edge.detector_state, "waiting"),
        "detector_reason": plain(edge.detector_reason, 64),
        "detector_sentence": plain(edge.detector_sentence, 500),
        "roster_entries": min(edge.roster_entries, 2**31 - 1),
        "roster_head": edge.roster_head,
        "roster_fault": plain(edge.roster_fault, 500),
        "cpu_percent": _number(edge.cpu_percent),
        "memory_bytes": min(edge.memory_bytes, _MAX_INT),
        "disk_free_bytes": min(edge.disk_free_bytes, _MAX_INT),
        "disk_total_bytes": min(edge.disk_total_bytes, _MAX_INT),
        "outbox_waiting": edge.outbox_waiting,
    }


def _camera(camera: CameraHealth, edge_id: str) -> dict[str, Any]:
    return {
        "edge_id": edge_id,
        "id": camera.id,
        "name": plain(camera.name, 64) or camera.id,
        "present": True,
        "state": _STATES.get(camera.state, "waiting"),
        "reason": plain(camera.reason, 64),
        "sentence": plain(camera.sentence, 500),
        "fps": _number(camera.fps),
        "width": camera.width,
        "height": camera.height,
        "codec": plain(camera.codec, 64),
        "last_frame": _time(camera, "last_frame"),
        "recording": camera.recording,
    }


def _number(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _time(message: Message, name: str) -> datetime | None:
    if not message.HasField(name):
        return None
    try:
        moment: datetime = getattr(message, name).ToDatetime(UTC)
    except (ValueError, OverflowError):
        return None
    return moment
