"""Does the tier listen where it serves, and does the firewall let its callers in?"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guardian.cli.doctor.finding import Finding, Subject, bad, good
from guardian.cli.doctor.settings import settings_of
from guardian.cli.host import firewall, ports
from guardian.cli.host.ports import Protocol

_LOCAL = ("127.", "[::1]", "localhost")


@dataclass(frozen=True)
class Served:
    """A port, who answers there, and whether other machines call."""

    protocol: Protocol
    port: int
    unit: str
    public: bool


def check(subject: Subject) -> Iterator[Finding]:
    """Every port of the configuration; those of units that wait for enrolment are not missed yet."""
    if not subject.host:
        return
    found = ports.listeners()
    ruleset = firewall.load()
    expected = [item for item in served(subject) if _wanted(subject, item.unit)]
    faults = False
    for item in expected:
        said = f"{item.protocol} port {item.port}"
        if not ports.is_open(found, item.protocol, item.port):
            faults = True
            mend = f"systemctl restart {item.unit}, and read its journal if it does not stay."
            yield bad("port_closed", f"Nothing listens on {said}, which {item.unit} serves.", mend)
        elif item.public and ruleset is not None and ruleset.blocks(item.protocol, item.port):
            faults = True
            yield bad("port_blocked", f"The firewall lets nobody in to {said}, which {item.unit} serves.")
    for path, unit in sockets(subject):
        if _wanted(subject, unit) and _missing(path):
            faults = True
            yield bad("socket_missing", f"{path} is not there.", f"systemctl restart {unit}")
    if expected and not faults:
        yield good("ports", f"{', '.join(str(item.port) for item in expected)}: something listens on each.")


def served(subject: Subject) -> Iterator[Served]:
    """By the configuration; nginx's by its being installed."""
    settings, tier = settings_of(subject), subject.place.tier
    if settings is None:
        return
    sections = {"node": (("gateway", "gateway"), ("relay", "relay")), "control": (("agents", "agents"),)}.get(tier, ())
    for name, unit in sections:
        section = getattr(settings, name)
        for key in type(section).model_fields:
            address = getattr(section, key)
            if key.endswith("listen") and isinstance(address, str):
                host, _, port = address.rpartition(":")
                yield Served("tcp", int(port), f"guardian-{unit}.service", not host.startswith(_LOCAL))
    if tier == "node" and settings.hub.enabled:
        yield Served("udp", settings.hub.listen_port, "guardian-hub.service", True)
    if tier in ("node", "control"):
        yield Served("tcp", 443, "nginx.service", True)


def sockets(subject: Subject) -> Iterator[tuple[Path, str]]:
    """Where daemons of one host meet, and who makes the socket."""
    run = subject.place.run_dir
    if subject.place.tier == "control":
        yield run / "api.socket", "guardian-api.socket"


def _wanted(subject: Subject, name: str) -> bool:
    """A unit that is not loaded here serves nothing; one that is skipped does not yet."""
    if name == "nginx.service":
        return any(Path(folder).is_file() for folder in ("/lib/systemd/system/nginx.service",))
    unit = next((item for item in subject.units or [] if item.name == name), None)
    return unit is not None and unit.get("LoadState") == "loaded" and not unit.skipped


def _missing(path: Path) -> bool:
    try:
        return not path.is_socket()
    except OSError:
        return False
