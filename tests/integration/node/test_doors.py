"""The gateway's doors on its own machine: each caller's own calls, and nothing else, whoever took the caller over."""

import stat
from pathlib import Path

import grpc
import grpc.aio
import pytest
from tests.integration.node.kit import Node, enrolled_edge
from tests.integration.tenancy import calls

from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.node.config import Caller

ORDERS = {"CreateEdgeToken", "ListEdges", "RevokeEdge"}
OWN: dict[Caller, set[str]] = {
    "operator": ORDERS,
    "relay": {"ReadObject", "GetEvent", "GetRoster"},
    "agent": ORDERS
    | {"WatchEvents", "GetRoster", "AppendRoster", "PutCommand", "WatchCommandResults", "AckCommandResult"},
    "hub": {"WatchTunnelPeers", "ReportTunnel"},
}


@pytest.mark.parametrize("caller", OWN)
async def test_a_caller_may_make_its_own_calls_and_is_denied_all_others(node: Node, caller: Caller):
    denied = set()
    methods = calls.of(calls.GATEWAY)
    async with node.at(caller) as channel:
        for method in methods:
            said = await calls.call(channel, method, patience=0.3)
            if said.code == grpc.StatusCode.PERMISSION_DENIED:
                assert (said.reason, said.messages) == ("caller_denied", []), method
                denied.add(method.name)
            else:
                assert said.code != grpc.StatusCode.UNIMPLEMENTED, method
    assert {method.name for method in methods} - denied == OWN[caller]


@pytest.mark.parametrize("caller", ["relay", "hub"])
async def test_who_speaks_to_strangers_makes_no_token_and_revokes_no_edge(node: Node, folder: Path, caller: Caller):
    who = await enrolled_edge(node, folder / "edge")
    async with node.at(caller) as channel:
        stub: node_pb2_grpc.GatewayServiceAsyncStub = node_pb2_grpc.GatewayServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.RevokeEdge(node_pb2.RevokeEdgeRequest(edge=who.edge))
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.CreateEdgeToken(node_pb2.CreateEdgeTokenRequest(edge_name="mine", valid_seconds=60))
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    edge = node.gateway.edges.get(who.edge)
    assert edge is not None and edge.revoked_at is None
    rows = await node.gateway.store.read(lambda connection: connection.exec_driver_sql("SELECT name FROM tokens").all())
    assert [row[0] for row in rows] == ["edge"]


async def test_there_is_no_door_beside_them(node: Node):
    run = node.settings.run_dir
    found = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_socket()}
    assert found == {f"doors/{caller}/api.sock" for caller in OWN}
    assert all(stat.S_IMODE((run / path).parent.stat().st_mode) & 0o007 == 0 for path in found)
