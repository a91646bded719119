"""What the control plane's daemons count: requests by class, nodes and cameras by state."""

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from guardian.contracts.control.v1.control_pb2 import CameraHealth, EdgeHealth, HealthState, ReportHealthRequest
from guardian.control.agents.caller import Caller
from guardian.control.agents.figures import Figures
from guardian.control.api.answers import Answers, Counted

ONE, TWO = Caller("a" * 32, "1" * 32), Caller("b" * 32, "2" * 32)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


async def _fine(_: Request) -> PlainTextResponse:
    return PlainTextResponse("fine")


async def _broken(_: Request) -> PlainTextResponse:
    raise RuntimeError("a fault of ours")


async def _stream(_: Request) -> StreamingResponse:
    async def nothing():
        yield b"event: reset\n\n"

    return StreamingResponse(nothing(), media_type="text/event-stream")


async def test_every_answer_is_counted_by_its_class_and_streams_say_nothing_of_speed(
    registry: CollectorRegistry,
) -> None:
    routes = [Route("/fine", _fine), Route("/broken", _broken), Route("/stream", _stream)]
    app = Counted(Starlette(routes=routes), Answers(registry))
    assert value(registry, "guardian_api_answers_total", status="5xx") == 0
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        for path in ("/fine", "/broken", "/stream", "/nothing"):
            await client.get(path)
    found = {status: value(registry, "guardian_api_answers_total", status=status) for status in ("2xx", "4xx", "5xx")}
    assert found == {"2xx": 2, "4xx": 1, "5xx": 1}
    assert value(registry, "guardian_api_seconds_count") == 3


def report(*states: "HealthState.ValueType", online: bool = True, waiting: int = 0) -> ReportHealthRequest:
    cameras = [CameraHealth(id=f"c{number}", state=state) for number, state in enumerate(states)]
    return ReportHealthRequest(edges=[EdgeHealth(id="e" * 32, online=online, cameras=cameras, outbox_waiting=waiting)])


def test_nodes_edges_and_cameras_are_summed(registry: CollectorRegistry) -> None:
    figures = Figures()
    registry.register(figures)
    figures.reported(ONE, report(HealthState.HEALTH_STATE_OK, HealthState.HEALTH_STATE_FAILED, waiting=3))
    figures.reported(TWO, report(HealthState.HEALTH_STATE_OK, online=False, waiting=9))
    assert value(registry, "guardian_agents_nodes", state="reporting") == 2
    assert value(registry, "guardian_agents_edges", state="offline") == 1
    assert value(registry, "guardian_agents_cameras", state="ok") == 1
    assert value(registry, "guardian_agents_cameras", state="failed") == 1
    assert value(registry, "guardian_agents_outbox_waiting") == 3


def test_a_silent_node_counts_as_silent_until_it_reports_or_is_revoked(registry: CollectorRegistry) -> None:
    figures = Figures()
    registry.register(figures)
    for caller in (ONE, TWO):
        figures.reported(caller, report(HealthState.HEALTH_STATE_OK))
        figures.silent(caller)
    assert value(registry, "guardian_agents_nodes", state="silent") == 2
    assert value(registry, "guardian_agents_cameras", state="ok") == 0
    assert figures.to_look_at(100.0) == [ONE, TWO]
    assert figures.to_look_at(101.0) == []
    figures.forget(ONE)
    figures.reported(TWO, report(HealthState.HEALTH_STATE_OK))
    assert value(registry, "guardian_agents_nodes", state="silent") == 0
    assert figures.to_look_at(1000.0) == []
