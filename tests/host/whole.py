"""Facts of a host as a whole, in the form of expected/TIER.toml: users, units, ports, folders of state, secrets."""

import re
from typing import Any

from tests.host.runner import Entry, Host

_EPHEMERAL = 32768
# The hub's own lies among them.
_WIREGUARD = 51820
STATE, STORE = "/var/lib/guardian", "/etc/credstore.encrypted"


def users(host: Host) -> dict[str, list[str]]:
    """The product's users and their groups."""
    found = host.accounts()["users"]
    return {user["name"]: sorted(user["groups"]) for user in found if user["name"].startswith("guardian")}


def unit_files(host: Host) -> list[str]:
    """The product's units."""
    listed = host.run("systemctl", "list-unit-files", "--plain", "--no-legend", "guardian*")
    return sorted(line.split()[0] for line in listed.lines)


def running(host: Host) -> list[str]:
    """Those that are active now and will stay so: no oneshots; an instance by its template."""
    listed = host.run("systemctl", "list-units", "--plain", "--no-legend", "--full", "--state=active", "guardian*")
    kept = [words[0] for line in listed.lines if (words := line.split())[3] != "exited" and ".slice" not in words[0]]
    return sorted({re.sub(r"@[^.]+", "@", name) for name in kept})


def listens(host: Host, besides: list[str]) -> dict[str, str]:
    """`tcp 10.86.0.1:7443` and the unit whose process holds it; what the kernel holds itself is `kernel`."""
    lines = host.run("ss", "-Hlntup").lines
    pids = sorted({pid for line in lines for pid in re.findall(r"pid=(\d+)", line)})
    groups = {pid: (host.read(f"/proc/{pid}/cgroup") or "").strip() for pid in pids}
    found = {}
    for line in lines:
        protocol, _, _, _, address = line.split()[:5]
        holder = re.search(r"pid=(\d+)", line)
        units = re.findall(r"/([^/]+\.(?:service|scope))", groups[holder[1]])[-1:] if holder else []
        host_part, _, port = address.rpartition(":")
        if protocol == "udp" and int(port) >= _EPHEMERAL and int(port) != _WIREGUARD:
            # Chosen by the kernel for who dials out.
            address = f"{host_part}:any"
        if address not in besides:
            found[f"{protocol} {address}"] = units[0] if units else "kernel"
    return dict(sorted(found.items()))


def state(host: Host) -> dict[str, str]:
    """Folders below the state folder, and who owns each."""
    return {entry.path.rpartition("/")[2]: entry.owner for entry in tops(host.walk(STATE, same_device=False))}


def tops(entries: list[Entry]) -> list[Entry]:
    """Of what lies below the state folder, the folders directly in it."""
    return [entry for entry in entries if entry.path.count("/") == STATE.count("/") + 1 and entry.kind == "d"]


def secrets(host: Host) -> list[str]:
    """Names in the store of secrets."""
    paths = [entry.path for entry in host.walk(STORE)]
    names = [path.removeprefix(f"{STORE}/guardian.") for path in paths if path.startswith(f"{STORE}/guardian.")]
    return sorted({re.sub(r"^camera\..*", "camera.ID", name) for name in names})


def record(host: Host, besides: list[str]) -> dict[str, Any]:
    """All of them."""
    return {
        "unit_files": unit_files(host),
        "running": running(host),
        "secrets": secrets(host),
        "users": users(host),
        "state": state(host),
        "listens": listens(host, besides),
    }
