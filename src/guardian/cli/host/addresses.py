"""This host's addresses, for a person who wants to reach it or look for it at the router."""

import json
from typing import Any

from guardian.cli.host.asking import ask

# Ours, and nothing that a cable or an antenna leads to.
_NOT_OUTSIDE = ("lo", "guardian")


def read() -> list[str]:
    """`192.168.1.20 (enp1s0, 52:54:00:12:34:56)` each; IPv4 first. Empty without a network."""
    answer = ask("ip", "-json", "address", "show", "up")
    try:
        told = json.loads(answer.text) if answer.good else []
    except ValueError:
        return []
    return parse(told)


def parse(told: Any) -> list[str]:
    """From what `ip -json address` says."""
    found = []
    for link in told:
        name = str(link.get("ifname", ""))
        if name.startswith(_NOT_OUTSIDE):
            continue
        for item in link.get("addr_info", []):
            if item.get("scope") == "global" and item.get("local"):
                hardware = f", {link['address']}" if link.get("address") else ""
                found.append((item.get("family") != "inet", f"{item['local']} ({name}{hardware})"))
    return [text for _, text in sorted(found)]
