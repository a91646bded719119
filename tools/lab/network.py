"""The lab's networks. All of it is made inside the keeper's namespaces and ends with them.

internet 192.0.2.0/24 ── bridge `internet` (the keeper's namespace, .1) ── node .10, control .20, others
                               │ `wan`
home 192.168.77.0/24 ─── router (namespace `home`, .1, camera at .50, masquerade) ── bridge `lan` ── edge .10
"""

import ipaddress
import json
import subprocess
from pathlib import Path

from tools.lab.places import Refused, run

NETWORKS = {"internet": ipaddress.ip_network("192.0.2.0/24"), "home": ipaddress.ip_network("192.168.77.0/24")}
ADDRESSES = {"edge": "192.168.77.10", "node": "192.0.2.10", "control": "192.0.2.20", "camera": "192.168.77.50"}
ROUTER = {"internet": "192.0.2.1", "home": "192.168.77.1"}
HOME_OUTSIDE = "192.0.2.2"
DOMAIN = "guardian.test"
NAT = """
table ip router {
  chain forward { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname lan oifname wan accept
  }
  chain out { type nat hook postrouting priority 100; oifname wan masquerade; }
}
"""


def build() -> None:
    """Make both networks; called by PID 1 alone."""
    folder = Path("/run/netns")
    folder.mkdir(exist_ok=True)
    # Names of namespaces are files: on a file system of our own they are nobody else's.
    _run("mount", "-t", "tmpfs", "lab", str(folder))
    _run("mount", "--make-shared", str(folder))
    names = run() / "hosts.txt"
    names.write_text(host_names(), encoding="ascii")
    _run("mount", "--bind", str(names), "/etc/hosts")
    _run("ip", "link", "set", "lo", "up")
    _bridge("internet", f"{ROUTER['internet']}/24")
    _run("ip", "netns", "add", "home")
    _run("ip", "-n", "home", "link", "set", "lo", "up")
    _run("ip", "link", "add", "to-home", "type", "veth", "peer", "name", "wan", "netns", "home")
    _run("ip", "link", "set", "to-home", "master", "internet", "up")
    _run("ip", "-n", "home", "address", "add", f"{HOME_OUTSIDE}/24", "dev", "wan")
    _run("ip", "-n", "home", "link", "set", "wan", "up")
    # As on a real line each packet is one: a capture of packets not yet cut apart could not be judged.
    _run("ip", "link", "set", "to-home", "gso_max_segs", "1")
    _run("ip", "-n", "home", "link", "set", "wan", "gso_max_segs", "1")
    _bridge("lan", f"{ROUTER['home']}/24", "-n", "home")
    _run("ip", "-n", "home", "address", "add", f"{ADDRESSES['camera']}/24", "dev", "lan")
    _run("ip", "netns", "exec", "home", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    _run("ip", "netns", "exec", "home", "nft", "-f", "-", given=NAT)


def host_names() -> str:
    """An /etc/hosts for all in the lab: its name service."""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    lines += [f"{address} {name} {name}.{DOMAIN}" for name, address in ADDRESSES.items()]
    return "\n".join(lines) + "\n"


def attach(host: str, network: str, address: str) -> None:
    """A namespace for a host, wired to a network, with its address and route as from a hoster's DHCP."""
    if network not in NETWORKS:
        raise Refused(f"There is no network {network}: use one of {', '.join(NETWORKS)}.")
    space = [] if network == "internet" else ["-n", network]
    bridge = "internet" if network == "internet" else "lan"
    _run("ip", "netns", "add", host)
    _run("ip", *space, "link", "add", f"to-{host}", "type", "veth", "peer", "name", "eth0", "netns", host)
    _run("ip", *space, "link", "set", f"to-{host}", "master", bridge, "up")
    _run("ip", "-n", host, "link", "set", "lo", "up")
    _run("ip", "-n", host, "address", "add", f"{address}/24", "dev", "eth0")
    _run("ip", "-n", host, "link", "set", "eth0", "up")
    _run("ip", "-n", host, "route", "add", "default", "via", ROUTER[network])


def detach(host: str) -> None:
    """Take a host's cable and namespace away."""
    # By itself the cable would go with the namespace, but some time later: too late for who attaches the host again.
    for space in ([], ["-n", "home"]):
        subprocess.run(["ip", *space, "link", "delete", f"to-{host}"], stderr=subprocess.DEVNULL, check=False)
    subprocess.run(["ip", "netns", "delete", host], stderr=subprocess.DEVNULL, check=False)


def free_address(network: str) -> str:
    """An address that no host of this lab has."""
    taken = set(ADDRESSES.values())
    for file in run().glob("hosts/*/host.json"):
        taken.add(json.loads(file.read_text(encoding="utf-8"))["address"])
    return next(
        str(address)
        for number, address in enumerate(NETWORKS[network].hosts())
        if number >= 100 and str(address) not in taken
    )


def plug(connected: bool) -> None:
    """The home's line to the internet: pulled, or put back."""
    _run("ip", "-n", "home", "link", "set", "wan", "up" if connected else "down")


def _bridge(name: str, address: str, *space: str) -> None:
    _run("ip", *space, "link", "add", name, "type", "bridge", "forward_delay", "0")
    _run("ip", *space, "address", "add", address, "dev", name)
    _run("ip", *space, "link", "set", name, "up")


def _run(*command: str, given: str = "") -> None:
    result = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Refused(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
