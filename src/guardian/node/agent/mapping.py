"""From what edges say to what the control plane may know: types without boxes, scores or paths."""

from guardian.contracts.control.v1 import control_pb2
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2


def summary(event: edge_pb2.Event) -> control_pb2.EventSummary:
    """All the control plane ever learns of an event."""
    made = control_pb2.EventSummary(
        id=event.id,
        revision=event.revision,
        edge_id=event.edge_id,
        camera_id=event.camera_id,
        label=event.label,
        start=event.start,
        objects=[_object(item) for item in event.objects],
    )
    if event.HasField("end"):
        made.end.CopyFrom(event.end)
    return made


def edge_health(edge: node_pb2.EdgeInfo) -> control_pb2.EdgeHealth:
    """An edge's registration and its newest telemetry."""
    status = edge.status
    made = control_pb2.EdgeHealth(
        id=edge.id,
        name=edge.name,
        sign_public=edge.sign_public,
        receive_public=edge.receive_public,
        enrolled_at=edge.enrolled_at,
        online=edge.online,
        software_version=status.software_version,
        detector_state=_state(status.detector.state),
        detector_reason=status.detector.reason,
        detector_sentence=status.detector.sentence,
        roster_entries=status.roster_entries,
        roster_head=status.roster_head,
        roster_fault=status.roster_fault,
        cameras=[_camera(camera, online=edge.online) for camera in status.cameras],
        cpu_percent=status.cpu_percent,
        memory_bytes=status.memory_bytes,
        disk_free_bytes=status.disk_free_bytes,
        disk_total_bytes=status.disk_total_bytes,
        outbox_waiting=status.outbox_waiting,
    )
    if edge.HasField("last_seen"):
        made.last_seen.CopyFrom(edge.last_seen)
    return made


def essence(edges: list[control_pb2.EdgeHealth]) -> bytes:
    """What is worth telling at once when it changes: states and names, not figures that flicker."""
    kept = []
    for edge in edges:
        steady = control_pb2.EdgeHealth()
        steady.CopyFrom(edge)
        for name in (
            "last_seen",
            "cpu_percent",
            "memory_bytes",
            "disk_free_bytes",
            "disk_total_bytes",
            "outbox_waiting",
        ):
            steady.ClearField(name)
        for camera in steady.cameras:
            camera.ClearField("fps")
            camera.ClearField("last_frame")
            # It may count seconds or frames; its reason does not.
            camera.ClearField("sentence")
        steady.ClearField("detector_sentence")
        kept.append(steady)
    return b"".join(edge.SerializeToString(deterministic=True) for edge in kept)


def _object(item: edge_pb2.ObjectRef) -> control_pb2.SealedObject:
    made = control_pb2.SealedObject(id=item.id, kind=_kind(item.kind), start=item.start, truncated=item.truncated)
    if item.HasField("end"):
        made.end.CopyFrom(item.end)
    return made


def _camera(camera: edge_pb2.CameraStatus, *, online: bool) -> control_pb2.CameraHealth:
    made = control_pb2.CameraHealth(
        id=camera.id,
        name=camera.name,
        state=_state(camera.state),
        reason=camera.reason,
        sentence=camera.sentence,
        fps=camera.fps,
        width=camera.width,
        height=camera.height,
        codec=camera.codec,
        recording=camera.recording and online,
    )
    if camera.HasField("last_frame"):
        made.last_frame.CopyFrom(camera.last_frame)
    return made


# The two contracts number their enumerations alike; a test holds them to it.
def _state(state: "edge_pb2.ComponentState.ValueType") -> "control_pb2.HealthState.ValueType":
    if state not in edge_pb2.ComponentState.values():
        # Open enumerations: a newer edge may have states that this node has not.
        return control_pb2.HEALTH_STATE_UNSPECIFIED
    return control_pb2.HealthState.Value(edge_pb2.ComponentState.Name(state).replace("COMPONENT", "HEALTH"))


def _kind(kind: "edge_pb2.ObjectKind.ValueType") -> "control_pb2.MediaKind.ValueType":
    return control_pb2.MediaKind.Value(edge_pb2.ObjectKind.Name(kind).replace("OBJECT", "MEDIA"))
