"""One host: a root, what it writes above it, a namespace, systemd as its PID 1. All here runs inside the keeper."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tools.lab import network, roots
from tools.lab.places import ROOT, SUPPLIES, Refused, cgroup, cgroup_trees, layers, run

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}
BOOT_SECONDS = 60
POWER_OFF = signal.SIGRTMIN + 4


@dataclass(frozen=True)
class Spec:
    """What a host is made of; molecule's `platforms` have the same keys.

    Attributes:
        layer: a frozen layer `NAME/HOST` to start from, instead of the bare root.
        binds: `FROM:TO` or `FROM:TO:rw`, for nspawn; read-only unless said. FROM is relative to the checkout.
        tmpfs: `FOLDER:SIZE`, for a host that has little room.
        address: chosen when empty.
    """

    name: str
    suite: str = "bookworm"
    network: str = "internet"
    address: str = ""
    layer: str = ""
    binds: list[str] = field(default_factory=list)
    tmpfs: list[str] = field(default_factory=list)


def network_of(name: str) -> str:
    """Where a host belongs when nothing is said: the edge is at home."""
    return "home" if name == "edge" else "internet"


def spec_of(platform: dict[str, Any]) -> Spec:
    """One of molecule's platforms; unknown keys are refused, empty ones are not there."""
    known = set(Spec.__dataclass_fields__)
    if unknown := set(platform) - known:
        raise Refused(f"A platform has no key {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}.")
    given = {key: value for key, value in platform.items() if value}
    return Spec(**({"network": network_of(str(platform["name"]))} | given))


def folder(name: str) -> Path:
    """A host's own folder."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,11}", name):
        raise Refused(f"{name!r} is no host's name: use up to 12 small letters, digits and hyphens.")
    return run() / "hosts" / name


def leader(name: str) -> int:
    """The host's PID 1, as the keeper's namespace counts; 0 when the host is not up."""
    try:
        supervisor = int(json.loads((folder(name) / "host.json").read_text(encoding="utf-8"))["supervisor"])
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text(encoding="ascii").split()
        # Before it is systemd it is nspawn's own helper, which has not entered everything yet.
        return next((int(child) for child in children if _comm(child) == "systemd"), 0)
    except (OSError, ValueError, KeyError):
        return 0


def up(spec: Spec) -> float:
    """Boot it; the seconds it took until systemd had nothing left to start."""
    began = time.monotonic()
    home = folder(spec.name)
    if leader(spec.name):
        raise Refused(f"{spec.name} is up already: `down {spec.name}` first.")
    if not home.exists():
        _lay(spec, home)
    stored = json.loads((home / "host.json").read_text(encoding="utf-8"))
    supervisor = _boot(Spec(**stored["spec"]), home)
    (home / "host.json").write_text(json.dumps(stored | {"supervisor": supervisor}), encoding="utf-8")
    deadline = began + BOOT_SECONDS
    state = "nothing"
    while time.monotonic() < deadline and Path(f"/proc/{supervisor}").exists():
        if leader(spec.name):
            asked = subprocess.run(
                inside(spec.name, ["systemctl", "is-system-running"]), capture_output=True, text=True, check=False
            )
            state = asked.stdout.strip()
            if state in {"running", "degraded"}:
                return time.monotonic() - began
        time.sleep(0.1)
    console = (home / "console.log").read_text(errors="replace")[-2000:]
    raise Refused(f"{spec.name} did not come up ({state}):\n{console}")


def inside(name: str, command: list[str]) -> list[str]:
    """The command that runs `command` on a host, as root and in all its namespaces."""
    number = leader(name)
    if not number:
        raise Refused(f"{name} is not up.")
    variables = [f"{key}={value}" for key, value in ENVIRONMENT.items()]
    procs = cgroup_trees()[0] / cgroup() / name / "payload" / "init.scope" / "cgroup.procs"
    # Counted among the host's own processes first: its systemd then sees it as one of them.
    joined = ["sh", "-c", 'echo 0 2>/dev/null > "$0"; exec "$@"', str(procs)]
    target = [
        *joined,
        "nsenter",
        "--target",
        str(number),
        "--mount",
        "--uts",
        "--ipc",
        "--net",
        "--pid",
        "--root",
        "--wd",
    ]
    return [*target, "--cgroup", "env", "-i", *variables, *command]


def stop(name: str) -> None:
    """Power it off; what it wrote stays, and `up` starts it again."""
    home = folder(name)
    number = leader(name)
    if not number:
        return
    supervisor = int(json.loads((home / "host.json").read_text(encoding="utf-8"))["supervisor"])
    os.kill(number, POWER_OFF)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and _comm(str(supervisor)):
        time.sleep(0.05)
    if _comm(str(supervisor)):
        os.kill(supervisor, signal.SIGKILL)
        raise Refused(f"{name} did not power off within 30 s.")


def remove(name: str) -> None:
    """End it and forget it."""
    home = folder(name)
    if not home.exists():
        return
    if leader(name):
        supervisor = int(json.loads((home / "host.json").read_text(encoding="utf-8"))["supervisor"])
        os.kill(supervisor, signal.SIGKILL)
        while _comm(str(supervisor)):
            time.sleep(0.02)
    subprocess.run(["umount", "--lazy", str(home / "root")], stderr=subprocess.DEVNULL, check=False)
    network.detach(name)
    shutil.rmtree(home, ignore_errors=True)


def remove_all(names: list[str]) -> None:
    """End these; all when none is named."""
    for name in names or [file.parent.name for file in run().glob("hosts/*/host.json")]:
        remove(name)


def freeze(name: str, layer: str) -> None:
    """Power a host off and keep what it wrote as `LAYER/NAME`, from which others start in seconds."""
    stop(name)
    home = folder(name)
    stored = json.loads((home / "host.json").read_text(encoding="utf-8"))
    subprocess.run(["umount", str(home / "root")], check=True)
    target = layers() / layer / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    (home / "upper").rename(target / "upper")
    (target / "layer.json").write_text(json.dumps(stored), encoding="utf-8")
    remove(name)


def _lay(spec: Spec, home: Path) -> None:
    """Mount root, layers and a new layer above them; wire it."""
    below: list[str] = []
    spec_of_layer = spec.layer
    while spec_of_layer:
        frozen = layers() / spec_of_layer
        if not (frozen / "layer.json").exists():
            raise Refused(f"There is no layer {spec_of_layer}: freeze a host first.")
        below.append(str(frozen / "upper"))
        parent = json.loads((frozen / "layer.json").read_text(encoding="utf-8"))["spec"]
        spec = Spec(**(asdict(spec) | {"suite": parent["suite"]}))
        spec_of_layer = parent["layer"]
    below.append(str(roots.root(spec.suite)))
    address = spec.address or network.ADDRESSES.get(spec.name) or network.free_address(spec.network)
    for part in ("upper", "work", "root"):
        (home / part).mkdir(parents=True)
    # `volatile`: what a test host writes need not survive this machine's power failure, and dpkg syncs a lot.
    options = f"lowerdir={':'.join(below)},upperdir={home / 'upper'},workdir={home / 'work'},volatile"
    subprocess.run(["mount", "-t", "overlay", "lab", "-o", options, str(home / "root")], check=True)
    (home / "root" / "dev").mkdir(exist_ok=True)
    if not spec.layer:
        (home / "root/etc/hostname").write_text(f"{spec.name}\n", encoding="ascii")
        (home / "root/etc/hosts").write_text(network.host_names(), encoding="ascii")
        # As at a server's first boot; in the root there are none, for then all hosts had the same.
        subprocess.run(["chroot", str(home / "root"), "ssh-keygen", "-A"], stdout=subprocess.DEVNULL, check=True)
    network.attach(spec.name, spec.network, address)
    (home / "host.json").write_text(json.dumps({"spec": asdict(spec), "address": address}), encoding="utf-8")


def _boot(spec: Spec, home: Path) -> int:
    """Start nspawn in a control group of its own; its process."""
    group = cgroup_trees()[0] / cgroup() / spec.name
    group.mkdir(parents=True, exist_ok=True)
    SUPPLIES.mkdir(parents=True, exist_ok=True)
    extra = [f"--tmpfs={item.partition(':')[0]}:size={item.partition(':')[2]},mode=0755" for item in spec.tmpfs]
    for item in spec.binds:
        source, target, *mode = item.split(":")
        extra.append(f"--bind{'' if mode == ['rw'] else '-ro'}={ROOT / source}:{target}")
    command = [
        "systemd-nspawn",
        "--directory",
        str(home / "root"),
        "--machine",
        spec.name,
        "--boot",
        "--register=no",
        "--keep-unit",
        f"--network-namespace-path=/run/netns/{spec.name}",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        "--console=read-only",
        # Without these IPAddressDeny= and DevicePolicy= would do nothing, and a test of them would prove nothing.
        "--capability=all",
        "--system-call-filter=bpf",
        "--bind=/dev/net/tun",
        f"--bind-ro={SUPPLIES}:/srv/guardian",
        *extra,
    ]
    with (home / "console.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            preexec_fn=lambda: (group / "cgroup.procs").write_text("0") and None,  # noqa: PLW1509 - no thread is here
        )
    return process.pid


def _comm(number: str) -> str:
    """A process's name; empty when it is gone or dead."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    name, _, rest = text.partition("(")[2].rpartition(")")
    return "" if rest.split()[0] in {"Z", "X"} else name
