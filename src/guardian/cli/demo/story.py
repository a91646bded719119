"""The demo's steps, in the order a real household would take them: control plane, tenant, node, edge, camera.

The demo makes no key and writes no row that the product would make: tenant, tokens and enrolments go through the
product's own commands, and edge and node arrive as strangers.
"""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from guardian.cli.demo import footage as footage_module
from guardian.cli.demo.home import CHECKOUT, Home, write_yaml
from guardian.cli.demo.postgres import APP, OWNER, Postgres
from guardian.cli.demo.supervisor import DemoError, Program, Supervisor
from guardian.common.files import write_atomic
from guardian.common.sockets import health_socket

EMAIL = "owner@example.org"
_BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Options:
    """What the reader asked for."""

    camera: str = ""
    video: str = ""
    once: bool = False
    camera_after_vault: bool = False


class Story:
    """Brings the house up; `step` announces each step."""

    def __init__(self, home: Home, options: Options, supervisor: Supervisor, step: Callable[[str], None]) -> None:
        self.home = home
        self.options = options
        self.supervisor = supervisor
        self.step = step
        self.postgres = Postgres(home.state("control") / "postgres", durable=True)
        self._keeping: asyncio.Task[None] | None = None
        self.password = ""
        self.tenant = ""
        self.footage: footage_module.Footage | None = None
        self._film: Path | None = None
        # What the closing screen says of the detector.
        self.detector = ""
        self.motion_only = False

    async def up(self) -> None:
        """All of it; returns when the UI answers and the edge is enrolled."""
        if not self.options.camera:
            folder = self.home.folder / "footage"
            self.footage = footage_module.choose(self.options.video) or await footage_module.draw(folder, self._tool)
            # Before all else: whoever named something that is no film learns it at once.
            self.step(f"preparing {self.footage.description}")
            self._film = await footage_module.prepare(self.footage, folder, self._tool)
        await self._control_plane()
        await self._tenant()
        await self._node()
        await self._edge()
        if not self.options.camera_after_vault:
            await self.camera()

    async def down(self) -> bool:
        """Stop all; True when nothing had to be killed."""
        if self._keeping is not None:
            self._keeping.cancel()
        clean = await self.supervisor.stop()
        await asyncio.to_thread(self.postgres.stop)
        return clean

    async def _control_plane(self) -> None:
        self.step("PostgreSQL")
        await asyncio.to_thread(self.postgres.start)
        self._keeping = asyncio.create_task(self._keep_postgres())
        ports, home = self.home.ports, self.home
        write_yaml(
            home.config("control"),
            {
                "state_dir": str(home.state("control")),
                "run_dir": str(home.run_dir("control")),
                "database": {
                    "dsn": self.postgres.dsn(APP),
                    "owner_dsn": self.postgres.dsn(OWNER),
                },
                "api": {
                    "listen": f"127.0.0.1:{ports['ui']}",
                    "public_url": home.url("ui"),
                    "ui_dir": str(CHECKOUT / "frontend" / "dist"),
                    "relay_origins": [home.url("relay")],
                },
                "agents": {
                    "listen": f"127.0.0.1:{ports['agents']}",
                    "enrol_listen": f"127.0.0.1:{ports['node_enrol']}",
                    "advertise": f"127.0.0.1:{ports['agents']}",
                    "enrol_advertise": f"127.0.0.1:{ports['node_enrol']}",
                },
            },
        )
        self.step("control plane: schema, api, agents")
        await self._run("migrate", ["guardian-migrate", "--config", str(home.config("control"))])
        await asyncio.gather(self._daemon("agents", "control"), self._daemon("api", "control"))

    async def _keep_postgres(self) -> None:
        """Start the database again when it has ended: it is a library's process, not one of the supervisor's."""
        while True:
            await asyncio.sleep(0.5)
            if not self.postgres.running:
                self.step("PostgreSQL ended; starting it again")
                await asyncio.to_thread(self.postgres.start)

    async def _tenant(self) -> None:
        login = self.home.folder / "login.json"
        if login.exists():
            known = json.loads(login.read_text())
            self.password, self.tenant = known["password"], known["tenant"]
            return
        self.step("a tenant and its owner's login")
        self.password = "-".join(secrets.token_hex(2) for _ in range(4))
        created = await self._json(
            "tenant-create",
            [
                *("guardian", "tenant", "create", "--config", str(self.home.config("control"))),
                *("--name", "Demo household", "--email", EMAIL, "--password-stdin"),
            ],
            stdin=self.password,
        )
        self.tenant = str(created["tenant"])
        known = {"email": EMAIL, "password": self.password, "tenant": self.tenant}
        write_atomic(login, json.dumps(known).encode())

    async def _node(self) -> None:
        home = self.home
        if not (home.state("node") / "identity" / "identity.json").exists():
            self.step("node: one-time token, enrolment")
            token = await self._json(
                "node-token",
                ["guardian", "control", "node-token", "--config", str(home.config("control")), "--tenant", self.tenant],
            )
            await self._run(
                "node-enroll",
                ["guardian", "node", "enroll", "--config", str(home.config("node")), "--token", "-"],
                stdin=str(token["token"]),
            )
        self.step("node: gateway, relay, agent")
        await self._daemon("gateway", "node")
        await asyncio.gather(self._daemon("relay", "node"), self._daemon("agent", "node"))

    async def _edge(self) -> None:
        home = self.home
        if not (home.state("edge") / "identity" / "identity.json").exists():
            self.step("edge: one-time token, keys, enrolment")
            token = await self._json(
                "edge-token",
                ["guardian", "edge", "token", "--config", str(home.config("node")), "--name", "Mini PC"],
            )
            await self._run(
                "edge-enroll",
                [
                    "guardian",
                    "edge",
                    "enroll",
                    "--state-dir",
                    str(home.state("edge")),
                    "--token",
                    "-",
                    "--name",
                    "Mini PC",
                ],
                stdin=str(token["token"]),
            )
        await self._model()
        self.step("edge: uplink, analyzer")
        await asyncio.gather(self._daemon("uplink", "edge"), self._daemon("analyzer", "edge"))

    async def camera(self) -> None:
        """The reader's camera, or a simulated one, and the daemon that watches it."""
        home = self.home
        path = self.options.camera
        if self.footage is not None and self._film is not None:
            self.step(f"a simulated RTSP camera playing {self.footage.description}")
            port = home.ports["camera"]
            command = footage_module.server_command(self._film, port, once=self.options.once)
            # Started again, a film that is to be played once would be played twice: who ends it unplugs the camera.
            log, again = home.logs / "rtsp-camera.log", not self.options.once
            await self.supervisor.start(Program("rtsp-camera", command, log, restart=again))
            path = f"rtsp://127.0.0.1:{port}/front"
        write_yaml(home.folder / "edge-cameras" / "front.yaml", {"name": "Front door", "path": path})
        self.step("edge: camera daemon")
        await self._daemon("camera", "edge", instance="front")

    async def _model(self) -> None:
        """The detector: a model at hand, or fetched; without one the edge makes motion events and says so."""
        config = str(self.home.config("edge"))
        if self.footage is not None and self.footage.drawn:
            self.step("detector: built here, for drawn shapes")
            model = self.home.folder / "footage" / "shapes.onnx"
            await self._tool("model-build", [sys.executable, str(CHECKOUT / "tools/detector/build.py"), str(model)])
            settings = yaml.safe_load(self.home.config("edge").read_text())
            write_yaml(self.home.config("edge"), {**settings, "model": {"path": str(model), "head": "deimv2"}})
            self.detector = "built by the project, finds drawn shapes"
            return
        listed = json.loads(await self._run("model-list", ["guardian", "model", "list", "--config", config, "--json"]))
        default = next(item for item in listed if item["default"])
        self.detector = str(default["title"])
        if default["state"] == "good":
            return
        self.step(f"detector: fetching {default['name']}")
        try:
            await self._run("model-fetch", ["guardian", "model", "fetch", "--config", config])
        except DemoError:
            self.motion_only = True
            fetch = f"{_BIN / 'guardian'} model fetch --config {config}"
            self.detector = f"none: motion events only. With internet access: {fetch}"
            self.step("detector: the model cannot be fetched here, so there will be motion events only")

    def roster_known(self) -> bool:
        """Whether the edge has its household's roster."""
        return (self.home.state("edge") / "uplink" / "roster.json").exists()

    async def words(self) -> str:
        """The words to compare, as `guardian status` on the edge shows them; '' before there is a vault."""
        run_dir, config = self.home.run_dir("edge"), self.home.config("edge")
        command = ["guardian", "status", "--config", str(config), "--run-dir", str(run_dir)]
        status: dict[str, Any] = await self._json("status", command)
        return str(status.get("words") or "")

    async def _daemon(self, name: str, tier: str, *, instance: str = "") -> None:
        home = self.home
        label = f"{name}@{instance}" if instance else name
        command = [str(_BIN / f"guardian-{name}"), "--config", str(home.config(tier)), *filter(None, [instance])]
        await self.supervisor.start(
            Program(label, command, home.logs / f"{label}.log", socket=health_socket(home.run_dir(tier), label))
        )

    async def _run(self, name: str, command: list[str], *, stdin: str = "") -> str:
        program = Program(name, [str(_BIN / command[0]), *command[1:]], self.home.logs / f"{name}.log")
        return await self.supervisor.run(program, stdin=stdin.encode())

    async def _tool(self, name: str, command: list[str]) -> str:
        log, environment = self.home.logs / f"{name}.log", {"PYTHONPATH": os.fspath(CHECKOUT)}
        program = Program(name, command, log, environment=environment)
        return await self.supervisor.run(program, timeout=600)

    async def _json(self, name: str, command: list[str], *, stdin: str = "") -> dict[str, Any]:
        output = await self._run(name, [*command, "--json"], stdin=stdin)
        try:
            answer = json.loads(output)
        except ValueError as error:
            raise DemoError(f"{name} did not answer in JSON.", reason="demo_step_failed") from error
        if not isinstance(answer, dict):
            raise DemoError(f"{name} did not answer with an object.", reason="demo_step_failed")
        return answer
