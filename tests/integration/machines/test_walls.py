"""The walls of role kvm_host between machines, with namespaces in place of machines and the role's own rules."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.roles.rendering import render

ONE, TWO, OUTSIDE = "10.87.0.6", "10.87.0.10", "203.0.113.9"
HOST_PUBLIC, HOST_PRIVATE, OFFICE = "203.0.113.1", "192.168.5.1", "192.168.5.9"
# Answers each packet on UDP 53 and 5000, each connection on TCP 22 and 443.
ANSWERING = """
import selectors, socket
chooser = selectors.DefaultSelector()
datagrams, streams = socket.SOCK_DGRAM, socket.SOCK_STREAM
for kind, port in ((datagrams, 53), (datagrams, 5000), (streams, 22), (streams, 443)):
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("0.0.0.0", port))
    if kind == socket.SOCK_STREAM:
        made.listen()
    chooser.register(made, selectors.EVENT_READ, kind)
print("ready", flush=True)
while True:
    for key, _ in chooser.select():
        if key.data == socket.SOCK_STREAM:
            peer, address = key.fileobj.accept()
            peer.sendall(address[0].encode())
            peer.close()
        else:
            data, address = key.fileobj.recvfrom(512)
            key.fileobj.sendto(address[0].encode(), address)
"""
ASKING = """
import socket, sys
kind, source, host, port = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as asking:
    asking.settimeout(1.5)
    if source != "-":
        asking.bind((source, 0))
    asking.connect((host, port))
    if kind == "udp":
        asking.send(b"x")
    sys.stdout.write(asking.recv(64).decode())
"""


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


class World:
    """A host of two machines, an office beside it, and what lies outside."""

    def __init__(self, tag: str) -> None:
        self.names = {name: f"{tag}-{name}" for name in ("host", "one", "two", "outside", "office")}

    def within(self, name: str, *command: str) -> str:
        return run("ip", "netns", "exec", self.names[name], *command)

    def asks(self, name: str, kind: str, host: str, port: int, *, source: str = "-") -> str | None:
        """The address under which who was asked saw this one; None when nothing came back."""
        command = ["ip", "netns", "exec", self.names[name], sys.executable, "-c", ASKING, kind, source, host, str(port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout or None

    def link(self, name: str, inner: str, address: str, gateway: str, outer: str) -> None:
        """A cable from a namespace to the host, whose end has the gateway's address or is on a bridge."""
        host, other = self.names["host"], self.names[name]
        run("ip", "-n", host, "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", other)
        run("ip", "-n", host, "link", "set", outer, "up")
        run("ip", "-n", other, "link", "set", "lo", "up")
        run("ip", "-n", other, "link", "set", inner, "up")
        run("ip", "-n", other, "address", "add", address, "dev", inner)
        run("ip", "-n", other, "route", "add", "default", "via", gateway)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    assert os.geteuid() == 0, "this test makes network namespaces: run it as root"
    assert shutil.which("nft") and shutil.which("ip"), "apt-get install nftables iproute2"
    world = World(f"gw{os.getpid()}")
    with contextlib.ExitStack() as undo:
        for name in world.names.values():
            run("ip", "netns", "add", name)
            undo.callback(subprocess.run, ["ip", "netns", "delete", name], check=False)
        host = world.names["host"]
        for bridge, gateway in (("gv-1", "10.87.0.5"), ("gv-2", "10.87.0.9")):
            run("ip", "-n", host, "link", "add", bridge, "type", "bridge")
            run("ip", "-n", host, "address", "add", f"{gateway}/30", "dev", bridge)
            run("ip", "-n", host, "link", "set", bridge, "up")
        world.link("one", "eth0", f"{ONE}/30", "10.87.0.5", "tap1")
        world.link("two", "eth0", f"{TWO}/30", "10.87.0.9", "tap2")
        world.link("outside", "eth0", f"{OUTSIDE}/24", HOST_PUBLIC, "wan")
        world.link("office", "eth0", f"{OFFICE}/24", HOST_PRIVATE, "lan")
        for outer, address in (("wan", HOST_PUBLIC), ("lan", HOST_PRIVATE)):
            run("ip", "-n", host, "address", "add", f"{address}/24", "dev", outer)
        for tap, bridge in (("tap1", "gv-1"), ("tap2", "gv-2")):
            run("ip", "-n", host, "link", "set", tap, "master", bridge)
        world.within("host", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        _load(world, tmp_path_factory.mktemp("walls"))
        for name in world.names:
            undo.enter_context(_answering(world, name))
        yield world


def _load(world: World, folder: Path) -> None:
    """The rules twice: they must load over themselves."""
    (folder / "host").mkdir()
    (folder / "machines").mkdir()
    rules = render(folder / "host", "kvm_host", ["vms.nft"], {"host": {}})["host"] / "vms.nft"
    machine = {"node_vm_image": "/srv/image.qcow2"}
    made = render(
        folder / "machines",
        "node_vm",
        ["elements.nft"],
        {
            "one": {**machine, "node_vm_name": "one", "node_vm_number": 1},
            "two": {**machine, "node_vm_name": "two", "node_vm_number": 2, "node_vm_publish": []},
        },
    )
    text = rules.read_text(encoding="utf-8")
    include = 'include "/etc/guardian/vms/*/elements.nft"'
    assert include in text
    parts = [
        text.replace(include, ""),
        *((path / "elements.nft").read_text(encoding="utf-8") for path in made.values()),
    ]
    file = folder / "all.nft"
    file.write_text("".join(parts), encoding="utf-8")
    for _ in range(2):
        world.within("host", "nft", "--file", str(file))


@contextlib.contextmanager
def _answering(world: World, name: str) -> Iterator[None]:
    command = ["ip", "netns", "exec", world.names[name], sys.executable, "-c", ANSWERING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.kill()


def test_a_machine_reaches_the_outside_as_the_host(world: World) -> None:
    assert world.asks("one", "tcp", OUTSIDE, 443) == HOST_PUBLIC
    assert world.asks("one", "udp", OUTSIDE, 5000) == HOST_PUBLIC


def test_a_machine_has_the_hosts_dns_and_nothing_else_of_it(world: World) -> None:
    assert world.asks("one", "udp", "10.87.0.5", 53) == ONE
    assert world.asks("one", "tcp", "10.87.0.5", 22) is None
    assert world.asks("one", "udp", "10.87.0.5", 5000) is None


@pytest.mark.parametrize("address", ["10.87.0.9", HOST_PUBLIC, HOST_PRIVATE])
def test_other_addresses_of_the_host_are_closed_to_it(world: World, address: str) -> None:
    assert world.asks("one", "udp", address, 53) is None
    assert world.asks("one", "tcp", address, 22) is None


@pytest.mark.parametrize(("kind", "port"), [("tcp", 443), ("tcp", 22), ("udp", 53), ("udp", 5000)])
def test_no_machine_reaches_another(world: World, kind: str, port: int) -> None:
    assert world.asks("one", kind, TWO, port) is None
    assert world.asks("two", kind, ONE, port) is None


def test_nor_round_by_a_port_that_is_published(world: World) -> None:
    assert world.asks("outside", "tcp", HOST_PUBLIC, 443) == OUTSIDE
    assert world.asks("two", "tcp", HOST_PUBLIC, 443) is None


def test_a_machine_does_not_reach_the_networks_around_the_host(world: World) -> None:
    assert world.asks("host", "tcp", OFFICE, 443) == HOST_PRIVATE
    assert world.asks("one", "tcp", OFFICE, 443) is None


def test_an_address_that_is_not_its_own_is_dropped(world: World) -> None:
    run("ip", "-n", world.names["one"], "address", "add", f"{TWO}/32", "dev", "lo")
    run("ip", "-n", world.names["one"], "address", "add", "198.51.100.7/32", "dev", "lo")
    for source in (TWO, "198.51.100.7"):
        assert world.asks("one", "udp", OUTSIDE, 5000, source=source) is None
        assert world.asks("one", "udp", "10.87.0.5", 53, source=source) is None


def test_from_outside_there_is_only_what_is_published(world: World) -> None:
    # As if somebody beside the host knew the way.
    run("ip", "-n", world.names["outside"], "route", "add", "10.87.0.0/16", "via", HOST_PUBLIC)
    assert world.asks("outside", "tcp", HOST_PUBLIC, 443) == OUTSIDE
    assert world.asks("outside", "tcp", ONE, 443) is None
    assert world.asks("outside", "tcp", ONE, 22) is None
    assert world.asks("office", "tcp", TWO, 443) is None


def test_ipv6_is_dropped(world: World) -> None:
    def link_local(name: str, device: str) -> str:
        text = run("ip", "-n", world.names[name], "-6", "-br", "address", "show", "dev", device, "scope", "link")
        return text.split()[2].partition("/")[0]

    deadline = time.monotonic() + 10
    command = ["ip", "-n", world.names["one"], "-6", "address", "show", "dev", "eth0", "tentative"]
    while subprocess.run(command, capture_output=True, check=False).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    asked = f"""
import socket, sys
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asking:
    asking.settimeout(1)
    asking.connect(("{link_local("host", "gv-1")}", 5353, 0, socket.if_nametoindex("eth0")))
    asking.send(b"x")
    try:
        asking.recv(1)
    except ConnectionRefusedError:
        sys.exit("the host answered")
    except TimeoutError:
        pass
"""
    world.within("one", sys.executable, "-c", asked)
