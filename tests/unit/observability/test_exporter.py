"""`guardian-metrics` over real health sockets: what it passes on and keeps back, what it makes of strangers."""

import asyncio
import contextlib
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.observability.metric_names import made_by_daemons, made_by_exporter

from guardian.cli.metrics import host
from guardian.cli.metrics.config import MetricsConfig
from guardian.cli.metrics.gather import MAX_BYTES
from guardian.cli.metrics.main import Page, run
from guardian.cli.metrics.names import ACTIVITY, PASSED
from guardian.common.errors import ConfigError
from guardian.common.health import Health, HealthServer
from guardian.common.lifecycle import Service
from guardian.common.sockets import health_socket
from guardian.common.tls import cert_pem, new_key, self_signed_server

Sample = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def folder() -> Iterator[Path]:
    # A socket's path is short; pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="gm-") as made:
        yield Path(made)


@contextlib.asynccontextmanager
async def serving(folder: Path, health: Health) -> AsyncIterator[None]:
    server = HealthServer(health, health_socket(folder, health.service))
    task = asyncio.create_task(server.serve())
    await server.open.wait()
    try:
        yield
    finally:
        server.stop()
        await task


@contextlib.asynccontextmanager
async def answering(path: Path, answer: bytes) -> AsyncIterator[None]:
    """Something on a health socket that is no daemon of ours."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            writer.write(answer)
            await writer.drain()
        writer.close()

    path.parent.mkdir()
    server = await asyncio.start_unix_server(serve, str(path))
    async with server:
        yield


def http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def settings(folder: Path, **more: object) -> MetricsConfig:
    return MetricsConfig.model_validate({"run_dir": folder, "state_dir": folder / "state", **more})


async def read(folder: Path, **more: object) -> Sample:
    text = (await Page(settings(folder, **more)).read()).decode()
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    return {(item.name, frozenset(item.labels.items())): item.value for family in families for item in family.samples}


def at(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


CAMERA = {"tier": "edge", "daemon": "camera", "camera": "front"}
UPLINK = {"tier": "edge", "daemon": "uplink"}


async def test_each_daemon_is_shown_under_its_own_labels(folder: Path) -> None:
    camera, uplink = Health("camera@front"), Health("uplink")
    camera.gauge("camera_fps", "Pictures", lambda: 15.0)
    camera.set("disk", "failed", "The disk is full.", reason="disk_full")
    uplink.ready = True
    async with serving(folder, camera), serving(folder, uplink):
        found = await read(folder)
    assert found[at("guardian_up", **CAMERA)] == found[at("guardian_up", **UPLINK)] == 1
    assert found[at("guardian_camera_fps", **CAMERA)] == 15
    assert found[at("guardian_dependency_state", dependency="disk", **CAMERA)] == 3
    assert (found[at("guardian_ready", **CAMERA)], found[at("guardian_ready", **UPLINK)]) == (0, 1)
    assert any(name == "guardian_build_info" for name, _ in found)


async def test_a_daemon_that_is_expected_and_not_there_is_down(folder: Path) -> None:
    found = await read(folder, expect=["uplink"])
    assert found[at("guardian_up", **UPLINK)] == 0


async def test_a_daemon_that_was_killed_is_down(folder: Path) -> None:
    health_socket(folder, "uplink").parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(health_socket(folder, "uplink")))
    assert (await read(folder))[at("guardian_up", **UPLINK)] == 0


async def test_what_cameras_saw_stays_here_unless_the_household_asks(folder: Path) -> None:
    camera = Health("camera@front")
    Counter("guardian_camera_motion_samples", "Samples with motion.", registry=camera.registry).inc()
    camera.gauge("camera_of_tomorrow", "A gauge nobody has judged yet", lambda: 1.0)
    motion = at("guardian_camera_motion_samples_total", **CAMERA)
    async with serving(folder, camera):
        kept, told = await read(folder), await read(folder, activity=True)
    assert motion not in kept
    assert told[motion] == 1
    assert not any("tomorrow" in name for name, _ in [*kept, *told])


async def test_a_daemon_cannot_speak_for_another(folder: Path) -> None:
    lie = http(b'# TYPE guardian_ready gauge\nguardian_ready{daemon="api",tier="control"} 1\n')
    async with answering(health_socket(folder, "uplink"), lie):
        found = await read(folder)
    assert found[at("guardian_ready", **UPLINK)] == 1
    assert not any(("daemon", "api") in labels for _, labels in found)


@pytest.mark.parametrize(
    "answer",
    [
        b"no HTTP at all\r\n\r\n",
        http(b"this is not { an exposition"),
        http(b"\xff\xfe\x00"),
        b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"guardian_ready 1\n" * (MAX_BYTES // 16),
    ],
    ids=["no http", "no exposition", "no text", "refused", "endless"],
)
async def test_an_answer_that_is_none_counts_as_none_and_spoils_no_other(folder: Path, answer: bytes) -> None:
    api = Health("api")
    async with answering(health_socket(folder, "uplink"), answer), serving(folder, api):
        found = await read(folder)
    assert found[at("guardian_up", **UPLINK)] == 0
    assert found[at("guardian_up", tier="control", daemon="api")] == 1
    assert at("guardian_ready", **UPLINK) not in found


async def test_a_flood_of_series_and_labels_is_cut(folder: Path) -> None:
    lines = [f'guardian_dependency_state{{dependency="d{number}"}} 1' for number in range(5000)]
    lines.append(f'guardian_dependency_state{{dependency="{"x" * 4000}"}} 1')
    async with answering(
        health_socket(folder, "uplink"), http("\n".join(["# TYPE guardian_dependency_state gauge", *lines]).encode())
    ):
        found = await read(folder)
    assert len([name for name, _ in found if name == "guardian_dependency_state"]) == 2000
    assert max(len(value) for _, labels in found for _, value in labels) < 200


async def test_the_end_of_certificates_the_release_in_force_and_jobs_that_ended_well_are_told(folder: Path) -> None:
    key = new_key()
    certificate = self_signed_server(key, ["localhost"])
    (folder / "state" / "identity").mkdir(parents=True)
    (folder / "state" / "identity" / "tls.pem").write_bytes(cert_pem(certificate))
    (folder / "release.json").write_text(json.dumps({"version": "1.2.3"}))
    (folder / "state" / "stamps").mkdir()
    (folder / "state" / "stamps" / "backup").touch()
    found = await read(
        folder,
        certificates=[folder / "gone.pem"],
        release=folder / "release.json",
        tasks=["backup", "check"],
    )
    end = certificate.not_valid_after_utc.timestamp()
    assert found[at("guardian_certificate_end_timestamp_seconds", certificate="identity")] == end
    assert found[at("guardian_certificate_unreadable", certificate="gone")] == 1
    assert found[at("guardian_certificate_unreadable", certificate="identity")] == 0
    assert found[at("guardian_release_info", version="1.2.3")] == 1
    assert found[at("guardian_success_timestamp_seconds", task="backup")] > datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    assert found[at("guardian_success_timestamp_seconds", task="check")] == 0


@pytest.mark.parametrize("text", ["", "[]", '{"version": 3}', '{"version": "a\\nb"}', "{" * 70000])
def test_a_release_file_that_says_nothing_useful_is_passed_over(folder: Path, text: str) -> None:
    (folder / "release.json").write_text(text)
    names = {family.name for family in host.look(settings(folder, release=folder / "release.json"))}
    assert "guardian_release_info" not in names


async def test_it_serves_the_page_and_nothing_else(folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    service = Service("metrics", settings(folder, listen=address), folder, lambda: settings(folder, listen=address))
    working = asyncio.create_task(run(service))
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        page = await client.get("/metrics")
        assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/plain")
        for path in ("/", "/health", "/metrics/x", "/../etc/passwd"):
            assert (await client.get(path)).status_code == 404
        assert (await client.post("/metrics")).status_code == 405
    service.stop()
    await working
    assert service.health.status == "0 of 0 daemons answer"


async def test_an_address_that_is_taken_is_a_sentence(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        service = Service("metrics", settings(folder, listen=address), folder, lambda: settings(folder))
        with pytest.raises(ConfigError, match="cannot be listened on"):
            await run(service)


def test_every_metric_was_judged() -> None:
    assert not PASSED & ACTIVITY
    made = made_by_daemons()
    assert made == {name for name in PASSED | ACTIVITY if name.startswith("guardian_")}
    assert made_by_exporter() >= {"guardian_up", "guardian_release_info"}
