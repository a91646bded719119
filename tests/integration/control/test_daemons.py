"""The daemons as processes, the operator's verbs, and the UI's files."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from tests.integration.control.world import PASSWORD, World, running
from typer.testing import CliRunner

from guardian.cli import control, tenant
from guardian.cli.demo.postgres import Postgres
from guardian.common.config import load
from guardian.common.errors import ConfigError
from guardian.common.tokens import Token
from guardian.control.api.main import check
from guardian.control.config import DatabaseSection, Settings

MAINS = {
    "api": "guardian.control.api.main",
    "agents": "guardian.control.agents.main",
    "migrate": "guardian.control.migrate",
}


CUT = b"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guardian_app' AND datname = current_database()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def config(tmp_path: Path, database: DatabaseSection) -> Path:
    """control.yaml on a migrated database."""
    ui = tmp_path / "ui"
    (ui / "assets").mkdir(parents=True)
    (ui / "index.html").write_text("<!doctype html><title>Guardian</title>")
    (ui / "sw.js").write_text("// worker")
    (ui / "assets" / "app-1a2b.js").write_text("// app")
    (tmp_path / "secret.txt").write_text("outside")
    enrol = f"127.0.0.1:{free_port()}"
    settings = {
        "state_dir": str(tmp_path / "state"),
        "run_dir": str(tmp_path / "run"),
        "database": {"dsn": database.dsn, "owner_dsn": database.owner_dsn},
        "api": {"listen": f"127.0.0.1:{free_port()}", "ui_dir": str(ui), "relay_origins": ["http://127.0.0.1:*"]},
        "agents": {"listen": f"127.0.0.1:{free_port()}", "enrol_listen": enrol, "enrol_advertise": enrol},
    }
    path = tmp_path / "control.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", f"from {MAINS[name]} import main; main()", *arguments]


@contextlib.asynccontextmanager
async def daemon(name: str, config: Path) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A daemon that is ready; its log is beside its configuration."""
    with (config.parent / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command(name, "--config", str(config)), stderr=log)  # noqa: ASYNC220
        try:
            transport = httpx.AsyncHTTPTransport(uds=str(config.parent / "run" / name / "health.sock"))
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as health:
                await until_ready(process, health)
            yield process
        finally:
            process.kill()
            process.wait()


async def until_ready(process: subprocess.Popen[bytes], health: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if (await health.get("/health")).json().get("dependencies", {}).get("live", {}).get("state") == "ok":
                    return
            await asyncio.sleep(0.05)
    raise AssertionError("the daemon ended")


async def test_daemons_start_say_they_are_well_and_stop_on_request(config: Path) -> None:
    url = "http://" + yaml.safe_load(config.read_text())["api"]["listen"]
    async with daemon("api", config) as api, daemon("agents", config) as agents, httpx.AsyncClient() as browser:
        assert (await browser.get(f"{url}/api/v1/health/ready")).status_code == 200
        for process in (api, agents):
            process.send_signal(signal.SIGTERM)
        for process in (api, agents):
            assert await asyncio.to_thread(process.wait, 60) == 0
    for name in ("api", "agents"):
        assert "stop_forced" not in (config.parent / f"{name}.log").read_text()


async def test_a_port_that_is_taken_is_said_in_a_sentence(config: Path) -> None:
    for name, listen in (("api", "api"), ("agents", "agents")):
        host, _, port = yaml.safe_load(config.read_text())[listen]["listen"].rpartition(":")
        with socket.socket() as taken:
            taken.bind((host, int(port)))
            taken.listen()
            done = await asyncio.to_thread(
                subprocess.run, command(name, "--config", str(config)), capture_output=True, text=True, check=False
            )
        assert done.returncode == 78
        assert "cannot be listened on" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"api": {"public_url": "http://guardian.example"}}, "https"),
        ({"api": {"listen": "nowhere"}}, "host:port"),
        ({"api": {"relay_origins": ["https://x/; script-src *"]}}, "origin"),
        ({"databse": {}}, "database"),
        ({"api": {"ui_dir": "/nowhere"}}, "index.html"),
    ],
)
def test_a_wrong_configuration_is_said_in_a_sentence(config: Path, change: dict[str, Any], word: str) -> None:
    settings = yaml.safe_load(config.read_text())
    for key, value in change.items():
        settings[key] = {**settings.get(key, {}), **value}
    config.write_text(yaml.safe_dump(settings))
    with pytest.raises(ConfigError) as caught:
        check(load(Settings, config, {}))
    assert word in str(caught.value)


async def test_an_operator_makes_a_tenant_whose_owner_can_log_in(config: Path, settings: Settings) -> None:
    runner = CliRunner()
    create = ["create", "--name", "Home", "--email", "Owner@Example.org", "--config", str(config)]
    made = await asyncio.to_thread(runner.invoke, tenant.app, [*create, "--json"])
    shown = json.loads(made.stdout)
    again = await asyncio.to_thread(runner.invoke, tenant.app, create)
    assert again.exception is not None
    assert "already" in str(again.exception)
    chosen = [*create[:4], "other@example.org", *create[5:], "--password-stdin"]
    other = await asyncio.to_thread(runner.invoke, tenant.app, chosen, input=f"{PASSWORD}\n")
    assert other.exit_code == 0
    assert PASSWORD not in other.stdout
    listed = await asyncio.to_thread(runner.invoke, tenant.app, ["list", "--config", str(config), "--json"])
    assert {item["id"] for item in json.loads(listed.stdout)} > {shown["tenant"]}
    token = await asyncio.to_thread(
        runner.invoke, control.app, ["node-token", "--tenant", shown["tenant"], "--config", str(config)]
    )
    parsed = Token.parse(token.stdout)
    assert parsed.address == yaml.safe_load(config.read_text())["agents"]["enrol_advertise"]
    async with running(settings) as world, world.browser() as browser:
        for email, password in (("owner@example.org", shown["password"]), ("other@example.org", PASSWORD)):
            login = {"email": email, "password": password}
            assert (await browser.post("/api/v1/session", json=login)).status_code == 200


async def test_the_uis_files_are_served_with_how_long_they_may_be_kept(config: Path) -> None:
    url = "http://" + yaml.safe_load(config.read_text())["api"]["listen"]
    async with daemon("api", config), httpx.AsyncClient(base_url=url) as browser:
        page = await browser.get("/")
        assert "Guardian" in page.text
        assert page.headers["cache-control"] == "no-cache"
        assert "connect-src 'self' http://127.0.0.1:*;" in page.headers["content-security-policy"]
        assert (await browser.get("/events/123")).text == page.text
        assert "immutable" in (await browser.get("/assets/app-1a2b.js")).headers["cache-control"]
        worker = await browser.get("/sw.js")
        assert worker.headers["service-worker-allowed"] == "/"
        assert worker.headers["cache-control"] == "no-cache"
        for path in ("/assets/gone.js", "/api/v1/nothing", "/%2e%2e/secret.txt", "/..%2fsecret.txt"):
            answer = await browser.get(path)
            assert answer.status_code == 404, path
            assert answer.headers["content-type"] == "application/problem+json"


async def test_without_its_database_the_api_says_so_and_comes_back(tmp_path: Path, own_world: World) -> None:
    """The pool's connections are cut, as by a restart of PostgreSQL; the next request is served again."""
    await own_world.tenant("owner@example.org")
    async with own_world.browser() as browser:
        login = {"email": "owner@example.org", "password": PASSWORD}
        (await browser.post("/api/v1/session", json=login)).raise_for_status()
        with psycopg.connect(own_world.settings.database.dsn.replace("guardian_app@", "postgres@")) as connection:
            connection.execute(CUT)
        assert (await browser.get("/api/v1/session")).status_code == 200
        async with own_world.household() as home, home.browser.stream("GET", "/api/v1/events/stream") as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            await home.send(home.summary())
            async with asyncio.timeout(30):
                while not (await anext(lines)).startswith("event: event"):
                    pass


def test_a_killed_parent_leaves_no_postgres_behind(tmp_path: Path) -> None:
    folder = Path(f"/tmp/gpgk-{os.getpid()}")
    script = (
        "import sys, time; from pathlib import Path; from guardian.cli.demo.postgres import Postgres\n"
        f"p = Postgres(Path({str(folder)!r}), durable=False); p.start(); print(p.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    for _ in range(600):
        if not Path(f"/proc/{pid}").exists():
            break
        signal.sigtimedwait([], 0.05)
    assert not Path(f"/proc/{pid}").exists()
    # What is left on the disk starts again.
    with Postgres(folder, durable=True) as server:
        server.execute("SELECT 1", database="postgres")
    subprocess.run(["rm", "-rf", str(folder)], check=True)
