"""`python -m tools.lab`: boot hosts, run commands on them, freeze them, end them. molecule/README.md shows how."""

import argparse
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tools.lab import camera, hosts, keeper, network, roots, wire
from tools.lab import supply as supplies
from tools.lab.places import BUILD, ROOT, Refused, is_inside, name, run


def main() -> int:
    """Exit status of the command, or 1 and a sentence."""
    arguments = parse()
    if os.geteuid():
        print("lab: test hosts need root.", file=sys.stderr)
        return 1
    try:
        return int(arguments.call(arguments) or 0)
    except Refused as refusal:
        print(f"lab: {refusal}", file=sys.stderr)
        return 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.lab", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("up", help="boot a host; the first also makes the networks")
    verb.add_argument("name")
    verb.add_argument("--suite", default="bookworm", choices=roots.SUITES)
    verb.add_argument(
        "--network", default="", choices=["", *network.NETWORKS], help="default: home for `edge`, else internet"
    )
    verb.add_argument("--address", default="")
    verb.add_argument("--layer", default="", metavar="LAYER/HOST", help="start from a frozen host")
    verb.add_argument("--bind", action="append", default=[], metavar="FROM:TO[:rw]")
    verb.add_argument("--tmpfs", action="append", default=[], metavar="FOLDER:SIZE")
    verb.add_argument("--owner", type=int, default=0, metavar="PID", help="end the lab when this process ends")
    verb.set_defaults(call=up)
    verb = verbs.add_parser(
        "boot", help="boot the hosts that standard input describes, in JSON as molecule's platforms"
    )
    verb.add_argument("--owner", type=int, default=0, metavar="PID")
    verb.set_defaults(call=boot)
    verb = verbs.add_parser("down", help="end one host, or all and their networks; harmless when nothing is up")
    verb.add_argument("names", nargs="*")
    verb.add_argument("--hosts", action="store_true", help="end all hosts, and leave the networks when run among them")
    verb.set_defaults(call=down)
    verb = verbs.add_parser("stop", help="power a host off; `up` starts it again as it was")
    verb.add_argument("name")
    verb.set_defaults(call=lambda given: within(lambda: hosts.stop(given.name)))
    verb = verbs.add_parser("freeze", help="power a host off and keep what it wrote as a layer")
    verb.add_argument("name")
    verb.add_argument("layer")
    verb.set_defaults(call=lambda given: within(lambda: hosts.freeze(given.name, given.layer)))
    verb = verbs.add_parser("exec", help="run a command on a host")
    verb.add_argument("name")
    verb.add_argument("command", nargs=argparse.REMAINDER)
    verb.set_defaults(call=execute)
    verb = verbs.add_parser("enter", help="run a command beside the hosts, on their internet (or --home: in the home)")
    verb.add_argument("--home", action="store_true")
    verb.add_argument("command", nargs=argparse.REMAINDER)
    verb.set_defaults(call=enter)
    verb = verbs.add_parser("play", help="ansible-playbook on hosts that are up: any of its arguments")
    verb.add_argument("arguments", nargs=argparse.REMAINDER)
    verb.set_defaults(call=play)
    verb = verbs.add_parser("plug", help="the home's line to the internet")
    verb.add_argument("state", choices=["in", "out"])
    verb.set_defaults(call=lambda given: within(lambda: network.plug(given.state == "in")))
    verb = verbs.add_parser("supply", help="make what hosts find in /srv/guardian: release, model, film")
    verb.set_defaults(call=lambda _: supplies.supply())
    verb = verbs.add_parser("camera", help="the camera at home, rtsp://camera:8554/front")
    verb.add_argument("state", choices=["on", "off"])
    verb.set_defaults(call=lambda given: within(camera.start if given.state == "on" else camera.stop))
    verb = verbs.add_parser("capture", help="what crosses the home's line, into build/lab/captures/")
    verb.add_argument("state", choices=["on", "off"])
    verb.set_defaults(call=lambda given: within(wire.start if given.state == "on" else wire.stop))
    verb = verbs.add_parser("list", help="hosts that are up")
    verb.set_defaults(call=listing)
    return parser.parse_args()


def words(given: list[str]) -> list[str]:
    """A command, without the `--` that may stand before it."""
    return given[1:] if given[:1] == ["--"] else given


def entering() -> list[str]:
    """The words that bring a command into the keeper's namespaces."""
    if is_inside():
        return []
    number = keeper.pid()
    if not number:
        raise Refused("No lab is up: `python -m tools.lab up NAME` makes one.")
    space = os.readlink(f"/proc/{number}/ns/pid_for_children")
    marked = ["env", f"GUARDIAN_LAB_INSIDE={name()} {space}"]
    return ["nsenter", "--target", str(number), "--mount", "--net", "--uts", "--pid", f"--wd={Path.cwd()}", *marked]


def within(action: Callable[[], object]) -> int:
    """Do it here when inside; else send this command's words in."""
    if is_inside():
        action()
        return 0
    command = [*entering(), sys.executable, "-m", "tools.lab", *sys.argv[1:]]
    return subprocess.run(command, check=False).returncode


def up(given: argparse.Namespace) -> int:
    """Boot one host."""
    chosen = given.network or hosts.network_of(given.name)
    spec = hosts.Spec(given.name, given.suite, chosen, given.address, given.layer, given.bind, given.tmpfs)
    return boot_all([spec], given.owner)


def boot(given: argparse.Namespace) -> int:
    """Boot what molecule's `platforms` say."""
    return boot_all([hosts.spec_of(item) for item in json.load(sys.stdin)], given.owner)


def boot_all(specs: list[hosts.Spec], owner: int) -> int:
    """Boot these, after the networks if there are none."""
    if is_inside():
        for spec in specs:
            print(f"{spec.name} is up after {hosts.up(spec):.1f} s", flush=True)
        return 0
    # Made outside: in there is no network to fetch packages from.
    for suite in {spec.suite for spec in specs if not spec.layer}:
        roots.root(suite)
    ensure(owner)
    command = [*entering(), sys.executable, "-m", "tools.lab", "boot"]
    return subprocess.run(
        command, input=json.dumps([asdict(item) for item in specs]), text=True, check=False
    ).returncode


def ensure(owner: int) -> None:
    """Have a keeper and its networks."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f".{name()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not keeper.pid():
            keeper.sweep()
            keeper.start(owner)


def down(given: argparse.Namespace) -> int:
    """End hosts."""
    if is_inside():
        hosts.remove_all(given.names)
        return 0
    if not given.names:
        keeper.stop()
        return 0
    if not keeper.pid():
        return 0
    return within(lambda: hosts.remove_all(given.names))


def execute(given: argparse.Namespace) -> int:
    """Become the command."""
    if not is_inside():
        command = [*entering(), sys.executable, "-m", "tools.lab", "exec", given.name, *given.command]
        os.execvp(command[0], command)  # noqa: S606
    command = hosts.inside(given.name, words(given.command) or ["bash"])
    os.execvp(command[0], command)  # noqa: S606


def enter(given: argparse.Namespace) -> int:
    """Become the command, in the lab's networks."""
    command = [
        *entering(),
        *(["ip", "netns", "exec", "home"] if given.home else []),
        *(words(given.command) or ["bash"]),
    ]
    os.execvp(command[0], command)  # noqa: S606


def play(given: argparse.Namespace) -> int:
    """Become ansible-playbook, with the lab's connection and inventory."""
    command = [*entering(), str(Path(sys.executable).parent / "ansible-playbook"), *words(given.arguments)]
    os.chdir(ROOT)
    settings = {
        "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "molecule/shared/plugins/connection"),
        "ANSIBLE_INVENTORY": os.environ.get("ANSIBLE_INVENTORY", str(ROOT / "inventories/molecule")),
        "ANSIBLE_ROLES_PATH": str(ROOT / "roles"),
        "LC_ALL": "C.UTF-8",
    }
    os.execvpe(command[0], command, os.environ | settings)  # noqa: S606


def listing(given: argparse.Namespace) -> int:
    """One line a host."""
    if not keeper.pid() and not is_inside():
        print("No lab is up.")
        return 0

    def show() -> None:
        for file in sorted((run() / "hosts").glob("*/host.json")):
            facts = json.loads(file.read_text(encoding="utf-8"))
            state = "up" if hosts.leader(file.parent.name) else "off"
            print(f"{file.parent.name:<12} {state:<4} {facts['address']:<15} {facts['spec']['suite']}")

    return within(show)


if __name__ == "__main__":
    sys.exit(main())
