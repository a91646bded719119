"""A control plane and the houses on its street, brought up by an operator and strangers: processes, verbs, tokens."""

import asyncio
import hashlib
import json
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import typer
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.imaging.gpt import make
from tests.integration.tenancy.processes import Processes, run
from tests.integration.tenancy.resident import Resident
from typer.testing import CliRunner

from guardian.cli import control, tenant
from guardian.cli.demo.postgres import APP, OWNER, Postgres
from guardian.common import rpc
from guardian.contracts.node.v1 import node_pb2, node_pb2_grpc
from guardian.edge.enroll.enrol import enrol_async as enrol_edge
from guardian.edge.identity import Identity
from guardian.node.enroll.enrol import enrol_async as enrol_node

T = TypeVar("T")
PATIENCE = 90.0
PORTS = ("ui", "agents", "enrol")
# The one generic image there is.
IMAGE, IMAGE_SIZE = "guardian-1.iso", 1 << 20


async def until(look: Callable[[], Awaitable[T]], seconds: float = PATIENCE) -> T:
    """The first true answer; TimeoutError when it does not come."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):
            await asyncio.sleep(0.1)
    return found


@dataclass
class Street:
    """PostgreSQL, guardian-api and guardian-agents; houses are added with `move_in`.

    `seen_as` is the address under which nodes find it: machines in QEMU know this one by another than it does. `ports`
    are those of ui, agents and enrol.
    """

    folder: Path
    seen_as: str = "127.0.0.1"
    processes: Processes = field(default_factory=Processes)
    houses: dict[str, "House"] = field(default_factory=dict)
    ports: dict[str, int] = field(
        default_factory=lambda: dict(zip(("ui", "agents", "enrol"), free_ports(3), strict=True))
    )
    # One verb at a time has standard input and output.
    _terminal: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.postgres = Postgres(self.folder / "pg", durable=False)
        self.config = self.folder / "control.yaml"

    @property
    def url(self) -> str:
        """The UI's and the API's address."""
        return f"http://127.0.0.1:{self.ports['ui']}"

    async def open(self) -> None:
        """From an empty folder to a control plane that answers."""
        await asyncio.to_thread(self.postgres.start)
        ports = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        content = {
            "state_dir": str(self.folder / "control"),
            "run_dir": str(self.folder / "c"),
            "database": {"dsn": self.postgres.dsn(APP), "owner_dsn": self.postgres.dsn(OWNER)},
            "api": {"listen": ports["ui"], "public_url": self.url},
            "images": {"folder": str(self._lay_image())},
            "agents": {
                "listen": ports["agents"],
                "enrol_listen": ports["enrol"],
                "advertise": f"{self.seen_as}:{self.ports['agents']}",
                "enrol_advertise": f"{self.seen_as}:{self.ports['enrol']}",
            },
        }
        self.config.write_text(yaml.safe_dump(content))
        status, said = await run(["guardian-migrate", "--config", str(self.config)])
        assert status == 0, said
        await asyncio.gather(*(self.daemon(name, self.config, self.folder / "c") for name in ("agents", "api")))

    def _lay_image(self) -> Path:
        """As an operator does: an image, its note, and the key that signs seeds."""
        folder, keys = self.folder / "images", self.folder / "control" / "images"
        folder.mkdir()
        keys.mkdir(parents=True)
        (keys / "images.key").write_bytes(Ed25519PrivateKey.generate().private_bytes_raw())
        make(folder / IMAGE, IMAGE_SIZE)
        digest = hashlib.sha256((folder / IMAGE).read_bytes()).hexdigest()
        note = {"version": "1", "sha256": digest, "size": IMAGE_SIZE}
        (folder / f"{IMAGE}.json").write_text(json.dumps(note))
        return folder

    async def close(self) -> None:
        """Residents leave, and every process ends."""
        for house in self.houses.values():
            await house.owner.http.aclose()
        await self.processes.stop()
        await asyncio.to_thread(self.postgres.stop)

    async def move_in(self, name: str) -> "House":
        """A house of this name: a tenant, its node and its edge, and a vault that knows both; once only."""
        if name not in self.houses:
            house = self.houses[name] = House(self, name, self.folder / name)
            await house.found()
            with self.explained():
                await house.furnish()
        return self.houses[name]

    @contextmanager
    def explained(self) -> Iterator[None]:
        """What does not come to pass is explained by what the daemons said."""
        try:
            yield
        except TimeoutError as error:
            logs = {path.name: path.read_text().splitlines()[-4:] for path in self.folder.glob("*.log")}
            raise AssertionError("\n".join(f"{name}: {line}" for name in logs for line in logs[name])) from error

    async def verb(self, app: typer.Typer, *command: str, stdin: str = "") -> dict[str, Any]:
        """An operator's verb with its answer in JSON; inside this process, which has paid for its imports."""
        async with self._terminal:
            asked = [*command, "--config", str(self.config), "--json"]
            result = await asyncio.to_thread(CliRunner().invoke, app, asked, input=stdin)
        if result.exception is not None:
            raise result.exception
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    async def daemon(self, name: str, config: Path, run_dir: Path, *instance: str) -> asyncio.subprocess.Process:
        """Start a daemon and wait until it is ready."""
        label = "@".join([name, *instance])
        command = [f"guardian-{name}", "--config", str(config), *instance]
        log = self.folder / f"{run_dir.name}-{label}.log"
        return await self.processes.start(command, log, run_dir / label / "health.sock")


@asynccontextmanager
async def opened(**more: Any) -> AsyncIterator[Street]:
    """A street of its own, until the block ends; whoever lives there leaves with it."""
    # Not pytest's folder: socket paths must be short, and as root PostgreSQL runs as a user who may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="gst-", dir="/tmp"))
    folder.chmod(0o755)
    made = Street(folder, **more)
    try:
        await made.open()
        yield made
    finally:
        await made.close()
        shutil.rmtree(folder)


@dataclass
class House:
    """One tenant with its owner, its node and its edge."""

    street: Street
    name: str
    folder: Path
    uplink: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        self.owner = Resident(self.street.url)
        self.email = f"{self.name}@example.org"
        self.password = secrets.token_hex(8)
        self.tenant = self.node = self.edge = self.node_token = self.edge_token = ""
        self.ports = dict(zip(("relay", "gateway", "enrol"), free_ports(3), strict=True))
        self.node_config, self.edge_config = self.folder / "node.yaml", self.folder / "edge.yaml"
        # Short, and beside each other: sockets.
        self.node_run, self.edge_run = self.street.folder / f"{self.name}-n", self.street.folder / f"{self.name}-e"
        self.node_state, self.edge_state = self.folder / "node", self.folder / "edge"

    @property
    def relay_url(self) -> str:
        """Where browsers reach its node."""
        return f"http://127.0.0.1:{self.ports['relay']}"

    async def found(self) -> None:
        """The operator makes a tenant, its node comes with a token, its edge with another."""
        await self.found_node()
        daemons = [self.node_daemon(name) for name in ("gateway", "relay", "agent")]
        self.uplink, *_ = await asyncio.gather(self.edge_daemon("uplink"), *daemons, self._enrol_edge())

    async def found_node(self) -> None:
        """A tenant and a node that has enrolled, and runs nothing yet."""
        self._write_configs()
        asked = ["create", "--name", f"House {self.name}", "--email", self.email, "--password-stdin"]
        self.tenant = (await self.street.verb(tenant.app, *asked, stdin=self.password))["tenant"]
        asked = ["node-token", "--tenant", self.tenant, "--name", self.name]
        self.node_token = (await self.street.verb(control.app, *asked))["token"]
        self.node = (await enrol_node(self.node_state, self.node_token)).node

    async def furnish(self) -> None:
        """The owner logs in, begins a vault, and takes the edge into it; returns when the edge follows her roster."""
        await self.owner.log_in(self.email, self.password)
        await self.owner.create_vault()
        await until(self.edge_view)
        await self.owner.confirm_edge()
        await until(self._follows)

    async def edge_view(self) -> dict[str, Any]:
        """The edge in `GET /edges`; empty while the control plane knows none."""
        edges = await self.owner.get("/edges")
        return edges[0] if edges else {}

    async def camera_view(self) -> dict[str, Any]:
        """The camera in `GET /cameras`; empty while the control plane knows none."""
        cameras = await self.owner.get("/cameras")
        return cameras[0] if cameras else {}

    async def node_daemon(self, name: str) -> asyncio.subprocess.Process:
        """gateway, relay or agent."""
        return await self.street.daemon(name, self.node_config, self.node_run)

    async def edge_daemon(self, name: str, *instance: str) -> asyncio.subprocess.Process:
        """uplink, analyzer or a camera."""
        return await self.street.daemon(name, self.edge_config, self.edge_run, *instance)

    def write_camera(self, address: str, **more: object) -> None:
        """`front.yaml`, as a person writes it."""
        content = {"name": f"Gate of {self.name}", "path": address, **more}
        (self.folder / "cameras" / "front.yaml").write_text(yaml.safe_dump(content))

    def log_of(self, tier: str, name: str) -> str:
        """A daemon's log so far; `tier` is node or edge."""
        return (self.street.folder / f"{self.name}-{tier[0]}-{name}.log").read_text()

    async def second_edge(self, name: str, folder: Path) -> Identity:
        """Another edge of this house, enrolled and not yet in the roster."""
        return await enrol_edge(folder, await self.new_edge_token(name), name)

    async def _enrol_edge(self) -> None:
        # As `guardian edge token` and `guardian edge enroll`; the uplink waits for it meanwhile.
        self.edge_token = await self.new_edge_token()
        self.edge = (await enrol_edge(self.edge_state, self.edge_token, f"Box of {self.name}")).edge

    async def new_edge_token(self, name: str = "Box", seconds: int = 3600) -> str:
        """One more token of this node's."""
        request = node_pb2.CreateEdgeTokenRequest(edge_name=f"{name} of {self.name}", valid_seconds=seconds)
        async with rpc.socket_channel(self.node_run / "doors" / "operator" / "api.sock") as channel:
            stub = node_pb2_grpc.GatewayServiceStub(channel)
            return str((await stub.CreateEdgeToken(request, wait_for_ready=True, timeout=120)).token)

    async def _follows(self) -> bool:
        return bool((await self.edge_view())["roster"]["entries"] == len(self.owner.chain))

    def _write_configs(self) -> None:
        ports = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        (self.folder / "cameras").mkdir(parents=True)
        self.write_camera("rtsp://127.0.0.1:9/front")
        node = {
            "state_dir": str(self.node_state),
            "run_dir": str(self.node_run),
            "gateway": {"listen": ports["gateway"], "enrol_listen": ports["enrol"], "advertise": ports["gateway"]},
            "relay": {"listen": ports["relay"], "public_url": self.relay_url, "ui_origin": self.street.url},
        }
        edge = {
            "state_dir": str(self.edge_state),
            "run_dir": str(self.edge_run),
            "cameras_dir": str(self.folder / "cameras"),
            "uplink": {"telemetry_interval": 0.5},
        }
        self.node_config.write_text(yaml.safe_dump(node))
        self.edge_config.write_text(yaml.safe_dump(edge))


def free_ports(count: int) -> list[int]:
    """Ports nobody has now; open together, so that none is named twice."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports
