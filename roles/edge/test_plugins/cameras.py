"""Tests of Ansible about cameras' addresses."""

import ipaddress
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit


def within(path: str, networks: Iterable[str]) -> bool:
    """Whether `rtsp://ADDRESS/…` is in one of the networks.

    A name is: who answers to it is known to the host alone. So is what is in no network, `v4l2:NAME`.
    """
    try:
        address = ipaddress.ip_address(urlsplit(str(path)).hostname or "")
    except ValueError:
        return True
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)


class TestModule:
    """What Ansible looks for."""

    __test__ = False

    def tests(self) -> dict[str, Callable[..., bool]]:
        """By the names templates use."""
        return {"edge_camera_within": within}
