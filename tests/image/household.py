"""What stands beside a machine in QEMU: a node in a network namespace, a switch with DHCP and names, an owner."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.integration.node.kit import Household
from tests.integration.tunnel.place import NAME, Place, open_place
from tests.integration.tunnel.wires import Wires, ip, until, wires

from guardian.contracts.node.v1 import node_pb2
from guardian.vault import roster_author
from guardian.vault.roster_form import Edge

# The edge's own default (roles/edge), since no seed says another.
NETWORK = "10.86.0.0/16"
ROUTER = "192.0.2.254"
TAP = "tap0"
MAC = "52:54:00:00:00:10"
# What it gives itself by that, and lets others log in from: the network of the test is none of a home's.
ADDRESS = "fe80::5054:ff:fe00:10"


@dataclass
class Home:
    """A node that runs, an owner, and a cable for one machine."""

    place: Place
    owner: Household

    @property
    def space(self) -> str:
        """Where QEMU runs."""
        return self.place.wires.switch

    @property
    def cable(self) -> list[str]:
        """QEMU's words for a machine at this cable."""
        cable = f"tap,id=n0,ifname={TAP},script=no,downscript=no"
        return ["-netdev", cable, "-device", f"virtio-net-pci,netdev=n0,mac={MAC}"]

    async def edge(self, seconds: float = 900) -> node_pb2.EdgeInfo:
        """The edge that enrolled; waited for."""

        async def first() -> node_pb2.EdgeInfo | None:
            return next(iter(await self.place.listed()), None)

        found: node_pb2.EdgeInfo = await until(first, seconds)
        return found

    async def confirm(self, edge: node_pb2.EdgeInfo) -> None:
        """The owner compared its words, and takes it into her household."""
        known = Edge(id=edge.id, name=edge.name, sign=edge.sign_public, receive=edge.receive_public)
        self.owner._append(roster_author.add_edge(self.owner.roster, self.owner.author, known))
        async with self.place.api("agent") as api:
            await api.AppendRoster(node_pb2.AppendRosterRequest(first=0, entries=self.owner.messages()))

    async def event(self, seconds: float = 900) -> str:
        """The first event that the node has; waited for."""

        async def first() -> str:
            return next(iter(await self.place.stored()), "")

        found: str = await until(first, seconds)
        return found

    def inside(self, command: str, key: Path, seconds: float = 300, given: Path | None = None) -> str:
        """A command on the machine, by SSH as who looks after it; its output.

        Args:
            given: a file that is its standard input.
        """
        words = ["ssh", "-i", str(key), "-o", "BatchMode=yes", "-o", "ConnectTimeout=60"]
        words += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        with open(given or "/dev/null", "rb") as file:
            done = subprocess.run(
                ["ip", "netns", "exec", self.space, *words, f"root@{ADDRESS}%br0", command],
                stdin=file,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


@contextlib.asynccontextmanager
async def home() -> AsyncIterator[Home]:
    """All of it, until the block ends."""
    async with wires() as switch:
        place = await open_place(switch, network=NETWORK)
        ip("-n", switch.switch, "address", "add", f"{ROUTER}/24", "dev", "br0")
        ip("-n", switch.switch, "link", "set", "lo", "up")
        ip("-n", switch.switch, "tuntap", "add", TAP, "mode", "tap")
        ip("-n", switch.switch, "link", "set", TAP, "master", "br0", "up")
        async with _names(switch):
            yield Home(place, Household())


@contextlib.asynccontextmanager
async def _names(switch: Wires) -> AsyncIterator[None]:
    """DHCP and names, as a router at home has them."""
    words = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file="]
    words += ["--interface=br0", "--bind-interfaces", "--user=root", "--dhcp-range=192.0.2.100,192.0.2.150,1h"]
    words += [f"--address=/{NAME}/192.0.2.1", f"--dhcp-leasefile={switch.folder / 'leases'}"]
    command = ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", switch.switch, *words]
    with (switch.folder / "dnsmasq.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
