"""Hosts that are network namespaces on one switch, with wireguard-go and the project's daemons as processes in them."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

NEED = {"ip": "iproute2", "wireguard-go": "wireguard-go", "wg": "wireguard-tools", "setpriv": "util-linux"}
HOSTS = Path("/etc/netns")
PATIENCE = 90.0
# None of them outlives the tests, even when those are killed.
WRAPPED = ("setpriv", "--pdeathsig", "KILL")


def demand() -> None:
    """The tests fail and say what to install; they are never skipped."""
    missing = sorted({package for program, package in NEED.items() if shutil.which(program) is None})
    assert not missing, f"apt-get install {' '.join(missing)}"
    assert os.geteuid() == 0, "network namespaces are made by root: run these tests as root"


def ip(*words: str) -> str:
    """The program, which must succeed."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout


async def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait for what must become true; the value."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        assert asyncio.get_running_loop().time() < end, f"it never came to be: {condition}"
        await asyncio.sleep(0.1)


@dataclass
class Host:
    """One namespace. `interface` is its tunnel's, of a name that no other test has."""

    name: str
    address: str
    folder: Path
    interface: str
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    def inside(self, *command: str) -> list[str]:
        """A command line in this host; its `/etc/hosts` is its own."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A program to its end."""
        done = subprocess.run(self.inside(*command), capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    async def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """The same while daemons of this process's loop go on."""
        return await asyncio.to_thread(self.run, *command, check=False)

    async def start(self, name: str, *command: str) -> None:
        """Start a program of this host's."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = await asyncio.create_subprocess_exec(
                *WRAPPED, *self.inside(*command), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def daemon(self, name: str, module: str, config: Path) -> None:
        """Start a daemon of ours."""
        code = f"from {module} import main; main()"
        await self.start(name, sys.executable, "-c", code, "--config", str(config))

    async def wireguard(self) -> None:
        """Start wireguard-go, as its own unit does."""
        await self.start("wireguard-go", "wireguard-go", "-f", self.interface)
        await until(lambda: Path(f"/run/wireguard/{self.interface}.sock").exists())

    async def end(self, name: str, *, kill: bool = False) -> None:
        """Stop a program and wait for its end."""
        process = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            process.kill() if kill else process.terminate()
        await asyncio.wait_for(process.wait(), 15)

    def log(self, name: str) -> str:
        """What a program said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    async def health(self, name: str) -> dict[str, Any]:
        """What a daemon says of itself; empty while it does not answer."""
        socket = self.folder / "run" / name / "health.sock"
        transport = httpx.AsyncHTTPTransport(uds=str(socket))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://daemon", timeout=5) as client:
                answer: dict[str, Any] = (await client.get("/health")).json()
                return answer
        except httpx.HTTPError:
            return {}

    async def is_ready(self, name: str) -> bool:
        """Whether it does its work; fails when it has ended."""
        assert self.running[name].returncode is None, f"{name} ended: {self.log(name)[-3000:]}"
        return bool((await self.health(name)).get("ready"))

    async def state_of(self, name: str, dependency: str) -> str:
        """`ok`, `waiting` …; empty while unknown."""
        return str((await self.health(name)).get("dependencies", {}).get(dependency, {}).get("state", ""))

    def write(self, name: str, content: dict[str, Any]) -> Path:
        """A configuration file."""
        path = self.folder / name
        path.write_text(yaml.safe_dump(content))
        return path

    def knows(self, hosts: dict[str, str]) -> None:
        """What its `/etc/hosts` says; programs that run already see it too, for the file stays the same."""
        (HOSTS / self.name / "hosts").write_text("".join(f"{address} {name}\n" for name, address in hosts.items()))

    def is_reached(self, address: str) -> bool:
        """Whether an address answers to this host."""
        code = (
            "import asyncio; from guardian.common.wireguard.ping import ping\n"
            f"raise SystemExit(asyncio.run(ping({address!r}, 9, 2)) is None)"
        )
        return self.run(sys.executable, "-c", code, check=False).returncode == 0


@dataclass
class Wires:
    """A switch in a namespace of its own, and hosts on it (192.0.2.0/24)."""

    mark: str
    folder: Path
    hosts: list[Host] = field(default_factory=list)

    @property
    def switch(self) -> str:
        """The switch's namespace."""
        return f"g{self.mark}s"

    def host(self, letter: str, number: int) -> Host:
        """A new host at 192.0.2.NUMBER."""
        name, folder = f"g{self.mark}{letter}", self.folder / letter
        folder.mkdir()
        made = Host(name, f"192.0.2.{number}", folder, f"g{self.mark}{letter}w")
        self.hosts.append(made)
        (HOSTS / name).mkdir(parents=True)
        (HOSTS / name / "hosts").write_text("")
        ip("netns", "add", name)
        ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", f"p{letter}", "netns", self.switch)
        ip("-n", self.switch, "link", "set", f"p{letter}", "master", "br0", "up")
        ip("-n", name, "address", "add", f"{made.address}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        if letter != "o":
            # As systemd sets it; where it is not so, daemons ask by TCP.
            made.run("sh", "-c", "echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range")
        return made

    async def close(self) -> None:
        """Nothing is left behind."""
        for host in self.hosts:
            for process in host.running.values():
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
        for host in self.hosts:
            for process in host.running.values():
                try:
                    await asyncio.wait_for(process.wait(), 10)
                except TimeoutError:
                    process.kill()
                    await process.wait()
        for name in [*(host.name for host in self.hosts), self.switch]:
            await asyncio.to_thread(subprocess.run, ["ip", "netns", "delete", name], capture_output=True, check=False)
            shutil.rmtree(HOSTS / name, ignore_errors=True)
        for host in self.hosts:
            Path(f"/run/wireguard/{host.interface}.sock").unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            HOSTS.rmdir()


@contextlib.asynccontextmanager
async def wires() -> AsyncIterator[Wires]:
    """A switch for one test."""
    demand()
    folder = Path(tempfile.mkdtemp(prefix="gw", dir="/tmp"))
    made = Wires(secrets.token_hex(2), folder)
    try:
        ip("netns", "add", made.switch)
        ip("-n", made.switch, "link", "add", "br0", "type", "bridge")
        ip("-n", made.switch, "link", "set", "br0", "up")
        yield made
    finally:
        await made.close()
        shutil.rmtree(folder, ignore_errors=True)


def peers_of(host: Host) -> set[str]:
    """Public keys that `wg` sees on a host's interface, hexadecimal."""
    import base64

    said = subprocess.run(["wg", "show", host.interface, "peers"], capture_output=True, text=True, check=False)
    return {base64.b64decode(line).hex() for line in said.stdout.split()}


def read_json(path: Path) -> Any:
    """A small file."""
    return json.loads(path.read_text())
