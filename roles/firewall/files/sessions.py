"""Print the peers of open connections to a port that are in none of the networks: `sessions.py PORT [NETWORK...]`."""

import ipaddress
import subprocess
import sys


def main() -> None:
    """One address a line."""
    port, *names = sys.argv[1:]
    networks = [ipaddress.ip_network(name, strict=False) for name in names]
    listed = subprocess.run(
        ["ss", "-Hntp", "state", "established", "sport", "=", f":{int(port)}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    peers = {peer(line) for line in listed.stdout.splitlines()}
    for address in sorted(peers, key=str):
        if not address.is_loopback and not any(address in network for network in networks):
            print(address)


def peer(line: str) -> "ipaddress.IPv4Address | ipaddress.IPv6Address":
    """The fourth column is the peer: `[::ffff:192.0.2.1]:50000`, `192.0.2.1:50000`, `[fe80::1%eth0]:50000`."""
    host = line.split()[3].rpartition(":")[0].strip("[]").partition("%")[0]
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


if __name__ == "__main__":
    main()
