"""Is the WireGuard tunnel up: is its interface there, and does the other end answer?"""

import fcntl
import socket
import struct
from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, bad, good
from guardian.cli.doctor.settings import settings_of

SERVICES = {"edge": "tunnel", "node": "hub"}
# What of their health is the tunnel itself; a hub's silent edges are faults of those edges.
_OF_TUNNEL = ("interface", "hub")
_SIOCGIFFLAGS, _IFF_UP = 0x8913, 1


def check(subject: Subject) -> Iterator[Finding]:
    """The interface by the kernel's word; handshakes by that of the daemon that keeps them."""
    service = SERVICES.get(subject.place.tier)
    name = _interface(subject)
    if not subject.host or service is None or not name or not _expected(subject, service):
        return
    mend = f"systemctl restart guardian-{service}, and read its journal."
    if not is_up(name):
        yield bad("tunnel_interface_missing", f"The interface {name} is not there, or is not up.", mend)
        return
    report = subject.report(service)
    if report is None or report.state == "silent":
        return
    ailing = [report.dependencies[name] for name in _OF_TUNNEL if name in report.dependencies]
    ailing = [part for part in ailing if part.state != "ok"]
    for part in ailing:
        yield bad("tunnel_down", part.sentence)
    if not ailing:
        yield good("tunnel", report.status or f"{name} is up.")


def _interface(subject: Subject) -> str:
    """Its name by the configuration; '' for a node without a hub."""
    settings = settings_of(subject)
    if settings is None:
        return ""
    if subject.place.tier == "edge":
        return str(settings.tunnel.interface)
    return str(settings.hub.interface) if subject.place.tier == "node" and settings.hub.enabled else ""


def _expected(subject: Subject, service: str) -> bool:
    """Before enrolment there is no tunnel, and its unit waits: the check of units says so."""
    unit = next((item for item in subject.units or [] if item.name == f"guardian-{service}.service"), None)
    return unit is not None and not unit.skipped


def is_up(name: str) -> bool:
    """Whether this network namespace has an interface that is set up."""
    request = struct.pack("16sH14x", name.encode(), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, _SIOCGIFFLAGS, request)
        except OSError:
            return False
    return bool(struct.unpack("16sH14x", answer)[1] & _IFF_UP)
