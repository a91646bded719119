"""An edge that was enrolled and turned hostile: it can spoil its own news, not its neighbours'."""

from pathlib import Path

import grpc.aio
import pytest
from tests.integration.node.kit import Node, edge_channel, edge_stub, enrolled_edge

from guardian.common import rpc
from guardian.contracts.control.v1 import control_pb2
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2
from guardian.control.agents import report
from guardian.node.agent.mapping import edge_health

Status = edge_pb2.EdgeStatus
Camera = edge_pb2.CameraStatus


async def _told(node: Node) -> control_pb2.ReportHealthRequest:
    """What the agent would send, held against what the control plane takes."""
    listed = await node.api.ListEdges(node_pb2.ListEdgesRequest())
    made = control_pb2.ReportHealthRequest(edges=[edge_health(edge) for edge in listed.edges])
    report._check(made)
    return made


@pytest.mark.parametrize(
    "status",
    [
        Status(detector=edge_pb2.DetectorStatus(state=99)),  # type: ignore[arg-type]
        Status(cameras=[Camera(id="a", state=-1)]),  # type: ignore[arg-type]
        Status(cameras=[Camera(id="../../etc/passwd")]),
        Status(cameras=[Camera(id="front"), Camera(id="front")]),
        Status(roster_head=b"short"),
        Status(cameras=[Camera(id="a" * 900_000)]),
    ],
    ids=["unknown_state", "state_below_zero", "camera_path", "camera_twice", "roster_head", "giant_id"],
)
async def test_telemetry_that_the_control_plane_would_refuse_ends_at_the_node(
    node: Node, folder: Path, status: edge_pb2.EdgeStatus
):
    await enrolled_edge(node, folder / "good", "good")
    hostile = await enrolled_edge(node, folder / "bad", "bad")
    async with edge_channel(hostile) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await edge_stub(channel).SendTelemetry(edge_pb2.SendTelemetryRequest(status=status))
    assert rpc.reason_of(refused.value) == "telemetry_malformed"
    assert {edge.name for edge in (await _told(node)).edges} == {"good", "bad"}


async def test_long_words_and_terminal_commands_in_telemetry_are_cut_so_that_all_edges_still_fit_a_message(
    node: Node, folder: Path
):
    cameras = [Camera(id=f"c{number}", name="\x1b]0;mine\x07" * 99, sentence="x" * 3_000) for number in range(150)]
    status = Status(cameras=cameras, detector=edge_pb2.DetectorStatus(sentence="y" * 200_000))
    await enrolled_edge(node, folder / "good", "good")
    hostile = await enrolled_edge(node, folder / "bad", "bad")
    async with edge_channel(hostile) as channel:
        await edge_stub(channel).SendTelemetry(edge_pb2.SendTelemetryRequest(status=status))
    told = await _told(node)
    bad = next(edge for edge in told.edges if edge.name == "bad")
    assert told.ByteSize() < rpc.MAX_MESSAGE // 8
    assert len(bad.cameras) == report.MAX_CAMERAS
    assert all(camera.name.isprintable() for camera in bad.cameras)


async def test_a_state_of_a_newer_release_in_the_store_does_not_end_the_agent(node: Node, folder: Path):
    hostile = await enrolled_edge(node, folder / "bad", "bad")
    stored = Status(detector=edge_pb2.DetectorStatus(state=99))  # type: ignore[arg-type]
    await node.gateway.edges.put_status(hostile.edge, stored.SerializeToString())
    (edge,) = (await _told(node)).edges
    assert edge.detector_state == control_pb2.HEALTH_STATE_UNSPECIFIED
