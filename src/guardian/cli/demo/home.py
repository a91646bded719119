"""Where the demo keeps things: folders, ports and the configuration each tier reads."""

import hashlib
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from guardian.cli.demo.supervisor import DemoError
from guardian.common.files import private_folder, write_atomic

CHECKOUT = Path(__file__).resolve().parents[4]
# AF_UNIX paths end at 108 bytes; the longest socket name below the run folder needs about 40.
_LONGEST_RUN_PATH = 64
_PORTS = ("ui", "relay", "gateway", "edge_enrol", "agents", "node_enrol", "camera")
_FIRST_PORT = 8600


@dataclass(frozen=True)
class Home:
    """The demo's folder and the ports it settled on at its first start."""

    folder: Path
    run: Path
    ports: dict[str, int]

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.folder / "logs"

    def config(self, tier: str) -> Path:
        """A tier's configuration file."""
        return self.folder / f"{tier}.yaml"

    def state(self, tier: str) -> Path:
        """A tier's state."""
        return self.folder / tier

    def run_dir(self, tier: str) -> Path:
        """A tier's sockets."""
        return self.run / tier

    def tidy(self) -> None:
        """Remove sockets that had to be kept outside the demo's folder."""
        if not self.run.is_relative_to(self.folder):
            shutil.rmtree(self.run, ignore_errors=True)

    def url(self, port: str) -> str:
        """HTTP address of a browser hop: loopback is a secure context to browsers."""
        return f"http://127.0.0.1:{self.ports[port]}"


def become_ordinary_user(folder: Path) -> str:
    """Started as root, give the demo's folder to an ordinary user and become it; returns the user's name.

    The user is the one who called sudo, else the checkout's owner, else nobody.
    """
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    uid = int(os.environ.get("SUDO_UID") or CHECKOUT.stat().st_uid) or pwd.getpwnam("nobody").pw_uid
    user = pwd.getpwuid(uid)
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    # Asked while still root: afterwards not even the modules that print the answer could be read.
    for question, path in (("-r", CHECKOUT / "pyproject.toml"), ("-w", folder)):
        if not _may(user, question, path):
            raise DemoError(
                f"The demo does not run as root, and the user {user.pw_name} cannot use {path.parent}.",
                reason="demo_unreadable",
                hint="Put it where others may enter (not below /root), or start the demo as its owner.",
            )
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ.update(USER=user.pw_name, LOGNAME=user.pw_name)
    return user.pw_name


def _may(user: pwd.struct_passwd, question: str, path: Path) -> bool:
    """What `test` says of a path, asked by that user."""
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    asked = subprocess.run(
        ["/usr/bin/test", question, str(path)],
        cwd="/",
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=groups,
        check=False,
    )
    return asked.returncode == 0


def prepare(folder: Path) -> Home:
    """Make or find the demo's folders; ports are chosen once and kept."""
    private_folder(folder, mode=0o750)
    for part in ("logs", "home", "footage", "edge", "node", "control", "edge-cameras"):
        private_folder(folder / part, mode=0o750)
    os.environ["HOME"] = str(folder / "home")
    run = folder / "run"
    if len(str(run)) > _LONGEST_RUN_PATH:
        mark = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
        run = Path(tempfile.gettempdir()) / f"guardian-demo-{os.getuid()}-{mark}"
        claim(run)
    for tier in ("edge", "node", "control"):
        private_folder(run / tier, mode=0o750)
    home = Home(folder, run, _ports(folder / "ports.json"))
    _write_configs(home)
    return home


def claim(folder: Path) -> None:
    """Make a folder where everybody may make one; DemoError when somebody else was there first."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022:
            return
        raise DemoError(
            f"{folder}, where this demo's sockets belong, is somebody else's or open to others.",
            reason="demo_run_folder",
            hint="Look at who made it and remove it, or keep the demo under a shorter path.",
        ) from None


def _ports(path: Path) -> dict[str, int]:
    if path.exists():
        ports: dict[str, int] = json.loads(path.read_text())
        taken = [f"{name} {port}" for name, port in ports.items() if not _is_free(port)]
        if taken:
            raise DemoError(
                f"Another program listens where this demo's state expects to: {', '.join(taken)}.",
                reason="demo_port_taken",
                hint="Is the demo already running? Stop it, or begin anew with `make clean`.",
            )
        return ports
    ports = {}
    candidate = _FIRST_PORT
    for name in _PORTS:
        while not _is_free(candidate):
            candidate += 1
        ports[name] = candidate
        candidate += 1
    write_atomic(path, json.dumps(ports).encode())
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _write_configs(home: Home) -> None:
    ports = home.ports
    write_yaml(
        home.config("node"),
        {
            "state_dir": str(home.state("node")),
            "run_dir": str(home.run_dir("node")),
            "gateway": {
                "listen": f"127.0.0.1:{ports['gateway']}",
                "enrol_listen": f"127.0.0.1:{ports['edge_enrol']}",
                "advertise": f"127.0.0.1:{ports['gateway']}",
                "hosts": ["127.0.0.1", "localhost"],
            },
            "relay": {
                "listen": f"127.0.0.1:{ports['relay']}",
                "public_url": home.url("relay"),
                "ui_origin": home.url("ui"),
            },
        },
    )
    write_yaml(
        home.config("edge"),
        {
            "state_dir": str(home.state("edge")),
            "run_dir": str(home.run_dir("edge")),
            "cameras_dir": str(home.folder / "edge-cameras"),
        },
    )


def write_yaml(path: Path, content: dict[str, object]) -> None:
    """Replace a configuration file; the demo owns these, hand edits go to the environment (`GUARDIAN_…`)."""
    write_atomic(path, yaml.safe_dump(content, sort_keys=False).encode(), mode=0o640)
