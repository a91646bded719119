"""The interface itself: made, given an address, an MTU and routes, brought up; by rtnetlink, no program is called."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_interface, ip_network
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from guardian.common.wireguard.device import WireGuardError

KIND = "wireguard"
_IPV4 = 2


@dataclass(frozen=True)
class Shape:
    """What an interface is to be. `address` with its prefix; `routes` beside the one the prefix makes."""

    address: str
    mtu: int
    routes: tuple[str, ...] = field(default=())


def exists(name: str) -> bool:
    """Whether there is an interface of this name."""
    with _netlink() as netlink:
        return bool(netlink.link_lookup(ifname=name))


def create(name: str) -> None:
    """Make a kernel interface; one that is there already must be WireGuard's and is kept with its sessions."""
    with _netlink() as netlink:
        found = netlink.link_lookup(ifname=name)
        if not found:
            netlink.link("add", ifname=name, kind=KIND)
            return
        (link,) = netlink.get_links(found[0])
        about = link.get_attr("IFLA_LINKINFO")
        if about is None or about.get_attr("IFLA_INFO_KIND") != KIND:
            raise WireGuardError(
                f"There is an interface {name} that is not WireGuard's; it was left alone.",
                reason="wireguard_interface",
                hint="Remove it, or name another interface in the configuration.",
            )


def shape(name: str, wanted: Shape) -> bool:
    """Give the interface its address, MTU and routes and bring it up; True when anything had to be changed."""
    interface = ip_interface(wanted.address)
    with _netlink() as netlink:
        found = netlink.link_lookup(ifname=name)
        if not found:
            raise WireGuardError(
                f"There is no interface {name}.", reason="wireguard_away", hint="It is looked for again."
            )
        index = found[0]
        (link,) = netlink.get_links(index)
        changed = False
        addresses = {
            (item.get_attr("IFA_LOCAL") or item.get_attr("IFA_ADDRESS"), item["prefixlen"])
            for item in netlink.get_addr(index=index, family=_IPV4)
        }
        ours = (str(interface.ip), interface.network.prefixlen)
        # An address from before this machine was enrolled anew would go on answering.
        for address, prefix in addresses - {ours}:
            netlink.addr("del", index=index, address=address, prefixlen=prefix)
            changed = True
        if ours not in addresses:
            netlink.addr("add", index=index, address=ours[0], prefixlen=ours[1])
            changed = True
        is_up = bool(link["flags"] & 1)
        if link.get_attr("IFLA_MTU") != wanted.mtu or not is_up:
            netlink.link("set", index=index, mtu=wanted.mtu, state="up")
            changed = True
        return _route(netlink, index, wanted.routes) or changed


def _route(netlink: Any, index: int, wanted: tuple[str, ...]) -> bool:
    present = {
        f"{item.get_attr('RTA_DST')}/{item['dst_len']}"
        for item in netlink.get_routes(family=_IPV4, oif=index)
        if item.get_attr("RTA_DST")
    }
    missing = [route for route in wanted if str(ip_network(route)) not in present]
    for route in missing:
        # Replaced, not added: the same way through another interface would be a way around the tunnel.
        netlink.route("replace", dst=route, oif=index, scope="link")
    return bool(missing)


@contextmanager
def _netlink() -> Iterator[Any]:
    try:
        with IPRoute() as netlink:
            yield netlink
    except NetlinkError as error:
        if error.code in (errno.EPERM, errno.EACCES):
            raise WireGuardError(
                "This daemon may not change network interfaces.",
                reason="wireguard_privilege",
                hint="It needs CAP_NET_ADMIN and nothing else.",
            ) from error
        if error.code == errno.EOPNOTSUPP:
            raise WireGuardError("The kernel has no WireGuard.", reason="wireguard_kernel") from error
        raise WireGuardError(f"The kernel refused: {error}.", reason="wireguard_refused") from error
    except OSError as error:
        raise WireGuardError(f"Netlink does not answer: {error}.", reason="wireguard_refused") from error
