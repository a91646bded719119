"""The demo as a newcomer starts it: one command, its folder, its ports, its clean end."""

import asyncio
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PORTS = ("ui", "relay", "gateway", "edge_enrol", "agents", "node_enrol", "camera")
TAPPED = ("ui", "relay", "gateway", "agents")


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """Ports nobody listens on just now."""
    sockets = [socket.socket() for _ in names]
    try:
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return {name: int(item.getsockname()[1]) for name, item in zip(names, sockets, strict=True)}
    finally:
        for item in sockets:
            item.close()


@dataclass
class Demo:
    """A running demo whose hops lead through taps."""

    folder: Path
    ports: dict[str, int]
    taps: dict[str, int]
    process: asyncio.subprocess.Process
    facts: dict[str, Any]

    @property
    def ui(self) -> str:
        """Where the browser goes: the tap in front of the API."""
        return f"http://127.0.0.1:{self.taps['ui']}"


async def start(
    folder: Path, arguments: list[str], log: Path, *, tapped: bool = True
) -> tuple[Demo, asyncio.Task[dict[str, Any]]]:
    """Start `guardian demo` in a fresh folder; the task ends with the login when the house is up."""
    folder.mkdir(parents=True)
    ports = free_ports(PORTS)
    taps = free_ports(TAPPED) if tapped else {name: ports[name] for name in TAPPED}
    (folder / "ports.json").write_text(json.dumps(ports))
    environment = {
        **os.environ,
        "GUARDIAN_GATEWAY__ADVERTISE": f"127.0.0.1:{taps['gateway']}",
        "GUARDIAN_AGENTS__ADVERTISE": f"127.0.0.1:{taps['agents']}",
        "GUARDIAN_RELAY__PUBLIC_URL": f"http://127.0.0.1:{taps['relay']}",
        "GUARDIAN_RELAY__UI_ORIGIN": f"http://127.0.0.1:{taps['ui']}",
        "GUARDIAN_API__PUBLIC_URL": f"http://127.0.0.1:{taps['ui']}",
        "GUARDIAN_API__RELAY_ORIGINS": json.dumps([f"http://127.0.0.1:{taps['relay']}"]),
    }
    read_end, write_end = os.pipe()
    command = [str(Path(sys.executable).with_name("guardian")), "demo", "--state-dir", str(folder)]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            *arguments,
            "--announce",
            str(write_end),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            pass_fds=(write_end,),
        )
    os.close(write_end)
    demo = Demo(folder, ports, taps, process, {})
    return demo, asyncio.create_task(_facts(read_end, log))


async def _facts(descriptor: int, log: Path) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    with os.fdopen(descriptor, "rb") as pipe:
        line = await loop.run_in_executor(None, pipe.readline)
    if not line:
        raise RuntimeError("the demo did not come up:\n" + log.read_text(errors="replace")[-3000:])
    facts: dict[str, Any] = json.loads(line)
    return facts


async def stop(demo: Demo) -> dict[str, Any]:
    """Ctrl-C; what was left behind afterwards, by name."""
    demo.process.send_signal(signal.SIGINT)
    try:
        status: int | None = await asyncio.wait_for(demo.process.wait(), 60)
    except TimeoutError:
        demo.process.kill()
        status = None
    await asyncio.sleep(0.5)
    return {
        "status": status,
        "processes": processes_of(demo.folder),
        "ports": listening(demo.ports),
        "sockets": [str(path) for path in demo.folder.rglob("*.sock")],
    }


def unplug(demo: Demo) -> None:
    """End the simulated camera; a demo that plays its film once does not start it again."""
    for line in processes_of(demo.folder):
        number, _, command = line.partition(" ")
        if "tools/camera/serve.py" in command:
            os.kill(int(number), signal.SIGTERM)


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that name the folder, or stand in it, or whose files it holds."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink(entry / "cwd")
        except OSError:
            continue
        if str(folder) in line or where.startswith(str(folder)):
            found.append(f"{entry.name} {line.strip()}")
    return found


def listening(ports: dict[str, int]) -> list[str]:
    """Those of the ports that somebody still answers on."""
    return [name for name, port in ports.items() if _listens(port)]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
