"""What is wrong with a unit on the host, as data: tests assert it is nothing, planted faults that it is something."""

import re
from typing import Any

from tests.host.runner import Host
from tests.host.sandbox import Seen

Difference = dict[str, tuple[Any, Any]]
# Where the release in force keeps the units that the host's are copies of or links to.
SHIPPED = "/opt/guardian/current/units"


def facts(seen: Seen, instance: str = "") -> dict[str, Any]:
    """What a unit is and may do, as expected/TIER.toml has it; an instance's name is `%i`."""

    def general(names: list[str]) -> list[str]:
        # Which cameras a home has is its own affair.
        names = sorted({re.sub(r"camera@[a-z0-9_]+", "camera@ID", name) for name in names})
        if not instance:
            return names
        return sorted(re.sub(rf"(?<![a-z0-9_]){re.escape(instance)}(?![a-z0-9_])", "%i", name) for name in names)

    return {
        "user": seen.who["user"],
        "groups": sorted({seen.who["group"], *seen.who["groups"]}),
        "capabilities": seen.capabilities("Bnd"),
        "umask": seen.who["umask"],
        "secrets": general(seen.who["credentials"]),
        "devices": seen.devices,
        "sends": sorted(key for key, said in seen.sends.items() if said == "allowed"),
        "writes": general(seen.writable),
        "asks": general(seen.sockets),
        "may": sorted(seen.allowed),
    }


def differences(seen: Seen, wanted: dict[str, Any], instance: str = "") -> Difference:
    """What was found and what should have been, where they are not the same."""
    found = facts(seen, instance)
    apart = {key: (value, wanted.get(key)) for key, value in found.items() if value != wanted.get(key)}
    usable = set(seen.capabilities("Eff")) | set(seen.capabilities("Prm")) | set(seen.capabilities("Amb"))
    if not usable <= set(wanted["capabilities"]):
        apart["capabilities in use"] = (sorted(usable), wanted["capabilities"])
    for key in ("no_new_privileges", "seccomp"):
        if not seen.who[key]:
            apart[key] = (False, True)
    return apart


def changed_units(host: Host, tier: str, units: list[str]) -> dict[str, str]:
    """Units whose text, drop-ins and all, is not what the release in force ships; by name, what is the matter."""
    files = [entry.path for part in ("common", "optional", tier) for entry in host.walk(f"{SHIPPED}/{part}", kinds="-")]
    shipped = {path.rpartition("/")[2]: path for path in files if _is_main(path)}
    extra = {host.read(path) for path in files if ".d/" in path}
    found = {}
    for unit in units:
        shown = host.run("systemctl", "show", "--property=FragmentPath,DropInPaths", "--", unit).out
        values = dict(line.split("=", 1) for line in shown.splitlines())
        name = template(unit)
        if name not in shipped:
            found[unit] = f"no {name} is in {SHIPPED}"
        elif host.read(values["FragmentPath"]) != host.read(shipped[name]):
            found[unit] = f"{values['FragmentPath']} is not {shipped[name]}"
        drop_ins = values["DropInPaths"].split()
        foreign = [path for path in drop_ins if host.read(path) not in extra and not _of_site(host, path)]
        if foreign:
            found[unit] = f"{', '.join(foreign)}: no drop-in of the release"
    return found


def _of_site(host: Host, path: str) -> bool:
    """A site may say which networks a daemon speaks to, in the one drop-in that is for it, and nothing else in it."""
    lines = [line for line in (host.read(path) or "").splitlines() if line.strip() and line[0] not in "#;["]
    return path.endswith("/60-networks.conf") and all(line.startswith("IPAddressAllow=") for line in lines)


def exposed(host: Host, units: list[str], ceilings: dict[str, float]) -> dict[str, tuple[float, float | None]]:
    """Units that `systemd-analyze security` finds above their ceiling, or that have none: score, ceiling."""
    commands = [["systemd-analyze", "security", "--no-pager", "--", name] for name in units]
    measured = {name: score(result.out) for name, result in zip(units, host.run_all(*commands), strict=True)}
    limits = {name: ceilings.get(template(name)) for name in units}
    return {name: (value, limits[name]) for name, value in measured.items() if value > (limits[name] or -1)}


def score(text: str) -> float:
    """The sum of `systemd-analyze security`, from 0 to 10."""
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+) ", text)
    assert found, text[-500:]
    return float(found[1])


def template(name: str) -> str:
    """`guardian-camera@front.service` is written in `guardian-camera@.service`."""
    front, at, _ = name.partition("@")
    return f"{front}@.{name.rpartition('.')[2]}" if at else name


def instance(name: str) -> str:
    """`front` of `guardian-camera@front.service`."""
    return name.partition("@")[2].rpartition(".")[0]


def _is_main(path: str) -> bool:
    return ".d/" not in path and path.rpartition(".")[2] in ("service", "socket", "timer", "path", "target", "slice")
